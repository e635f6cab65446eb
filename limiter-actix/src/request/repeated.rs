//! Refusals that are repeated to each caller of a check.

use actix_web::{
    HttpResponse,
    body::MessageBody,
    http::{StatusCode, header::HeaderMap},
    web::Bytes,
};

use super::refuse::Refusal;
use crate::report::decided_by::Undecided;

/// A refusal as it was, to be repeated. A response has one owner, so its parts are kept.
pub(super) struct RepeatedRefusal {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    undecided: Option<Undecided>,
}

impl RepeatedRefusal {
    /// Keeps the parts of a refusal. A body that is a stream is not repeated, and the copies have none.
    pub(super) fn of(refusal: Refusal) -> (Refusal, Self) {
        let Refusal { response, undecided } = refusal;
        let (head, body) = response.into_parts();
        let (body, copy) = match body.try_into_bytes() {
            Ok(bytes) => (bytes.clone().boxed(), bytes),
            Err(stream) => (stream, Bytes::new()),
        };
        let repeated = Self { status: head.status(), headers: head.headers().clone(), body: copy, undecided };
        (Refusal { response: head.set_body(body), undecided }, repeated)
    }

    /// Returns the refusal again.
    pub(super) fn repeat(&self) -> Box<Refusal> {
        let mut response = HttpResponse::with_body(self.status, self.body.clone().boxed());
        *response.headers_mut() = self.headers.clone();
        Box::new(Refusal { response, undecided: self.undecided })
    }
}
