//! The body of a response whose request is under way until it is sent.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    body::{BodySize, BoxBody, EitherBody, MessageBody},
    dev::ServiceResponse,
    web::Bytes,
};
use pin_project_lite::pin_project;

use crate::decision::hold::Holds;

pin_project! {
    /// A body that holds what its request has taken of limits of concurrent requests, until it is sent or dropped.
    struct HeldBody<B> {
        #[pin]
        body: B,
        holds: Holds,
    }
}

/// Ends a request with the body of its response. Without a body it ends now.
#[cold]
pub(super) fn with_holds<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    holds: Holds,
) -> ServiceResponse<EitherBody<B>> {
    if response.response().body().size() == BodySize::None {
        return response.map_into_left_body();
    }
    response.map_body(|_, body| EitherBody::right(BoxBody::new(HeldBody { body, holds })))
}

impl<B: MessageBody> MessageBody for HeldBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.project();
        let next = ready!(this.body.poll_next(cx));
        if !matches!(next, Some(Ok(_))) {
            drop(std::mem::take(this.holds));
        }
        Poll::Ready(next)
    }
}

/// Returns the response of a service. It does what `map_into_left_body` does, which moves the response more often.
#[inline]
pub(crate) fn admitted<B>(response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let (req, response) = response.into_parts();
    let (response, body) = response.into_parts();
    ServiceResponse::new(req, response.set_body(EitherBody::left(body)))
}
