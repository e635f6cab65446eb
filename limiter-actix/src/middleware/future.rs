//! The futures of the limiter and of its witnesses.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error, HttpResponse,
    body::EitherBody,
    dev::{ServiceRequest, ServiceResponse},
};
use futures_util::future::LocalBoxFuture;
use pin_project_lite::pin_project;

use crate::request::state::RequestState;

pin_project! {
    /// The answer to a request that passed a limiter or a witness.
    pub struct LimiterFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B> {
        Refused { response: Option<ServiceResponse<EitherBody<B>>> },
        Passing { #[pin] inner: F },
        Admitted { #[pin] inner: F, request: Rc<RequestState> },
        Boxed { inner: LocalBoxFuture<'static, Result<ServiceResponse<EitherBody<B>>, Error>> },
    }
}

impl<F, B> LimiterFuture<F, B> {
    /// The handler is not asked.
    pub(crate) fn refused(req: ServiceRequest, response: HttpResponse) -> Self {
        Self { state: State::Refused { response: Some(refused(req, response)) } }
    }

    /// Nothing is left to do but to wait.
    pub(crate) fn passing(inner: F) -> Self {
        Self { state: State::Passing { inner } }
    }

    /// When the answer is there, the ticket is settled.
    pub(crate) fn admitted(inner: F, request: Rc<RequestState>) -> Self {
        Self { state: State::Admitted { inner, request } }
    }

    /// Something must be awaited before the handler is asked.
    pub(crate) fn boxed(
        inner: impl Future<Output = Result<ServiceResponse<EitherBody<B>>, Error>> + 'static,
    ) -> Self {
        Self { state: State::Boxed { inner: Box::pin(inner) } }
    }
}

/// The response to a request whose handler is not asked.
pub(crate) fn refused<B>(req: ServiceRequest, response: HttpResponse) -> ServiceResponse<EitherBody<B>> {
    req.into_response(response).map_into_right_body()
}

impl<F, B> Future for LimiterFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match self.project().state.project() {
            StateProjection::Refused { response } => {
                return Poll::Ready(Ok(response.take().expect("a future is not polled after it was ready")));
            }
            StateProjection::Boxed { inner } => return inner.as_mut().poll(cx),
            StateProjection::Passing { inner } => ready!(inner.poll(cx)),
            StateProjection::Admitted { inner, request } => {
                let response = ready!(inner.poll(cx));
                request.settle(response)
            }
        };
        Poll::Ready(response.map(ServiceResponse::map_into_left_body))
    }
}
