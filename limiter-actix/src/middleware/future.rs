//! The future of limiters and witnesses.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
};
use futures_util::future::LocalBoxFuture;
use pin_project_lite::pin_project;

use crate::request::{early_drop::OnEarlyDrop, held_body::admitted, refuse::Refusal};

pin_project! {
    /// The response of a service behind a limiter or a rule.
    pub struct LimiterFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B> {
        // Boxed, since its room moves with every admitted request, too.
        Refused { refused: Option<(ServiceRequest, Box<Refusal>)> },
        Passing { #[pin] inner: F },
        Admitted { #[pin] inner: F, guard: OnEarlyDrop },
        Boxed { inner: LocalBoxFuture<'static, Result<ServiceResponse<EitherBody<B>>, Error>> },
    }
}

impl<F, B> LimiterFuture<F, B> {
    /// Responds without calling the service.
    pub(crate) fn refused(req: ServiceRequest, refusal: Box<Refusal>) -> Self {
        Self { state: State::Refused { refused: Some((req, refusal)) } }
    }

    /// Awaits the service, and nothing else.
    pub(crate) fn passing(inner: F) -> Self {
        Self { state: State::Passing { inner } }
    }

    /// Awaits the service, and settles the request with its response.
    pub(crate) fn admitted(inner: F, guard: OnEarlyDrop) -> Self {
        Self { state: State::Admitted { inner, guard } }
    }

    /// Awaits a decision first.
    pub(crate) fn boxed(
        inner: impl Future<Output = Result<ServiceResponse<EitherBody<B>>, Error>> + 'static,
    ) -> Self {
        Self { state: State::Boxed { inner: Box::pin(inner) } }
    }
}

/// Returns the response to a refused request.
pub(crate) fn refused<B>(req: ServiceRequest, refusal: Refusal) -> ServiceResponse<EitherBody<B>> {
    req.into_response(refusal.response).map_into_right_body()
}

impl<F, B> Future for LimiterFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody + 'static,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match self.project().state.project() {
            StateProjection::Refused { refused: request } => {
                let (req, refusal) = request.take().expect("a future is not polled after it was ready");
                return Poll::Ready(Ok(refused(req, *refusal)));
            }
            StateProjection::Boxed { inner } => return inner.as_mut().poll(cx),
            StateProjection::Passing { inner } => ready!(inner.poll(cx)),
            StateProjection::Admitted { inner, guard } => {
                let response = ready!(inner.poll(cx));
                return Poll::Ready(guard.finish(response));
            }
        };
        Poll::Ready(response.map(admitted))
    }
}
