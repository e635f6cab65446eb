//! The message of the compiler for a builder in the place of a limiter.

use actix_web::dev::{Service, ServiceRequest, Transform};

use super::LimiterBuilder;

/// Implemented by nothing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a `LimiterBuilder` is no limiter yet: call `.build()?` first",
    label = "the builder of a limiter",
    note = "write `let limiter = Limiter::builder()...build()?;`, then `.wrap(limiter.clone())`"
)]
pub trait Built {}

/// Never applies, since no service is [`Built`]. Without it, the compiler would only list all middleware there is.
#[doc(hidden)]
impl<S> Transform<S, ServiceRequest> for LimiterBuilder
where
    S: Service<ServiceRequest> + Built,
{
    type Response = S::Response;
    type Error = S::Error;
    type InitError = ();
    type Transform = S;
    type Future = std::future::Ready<Result<S, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        std::future::ready(Ok(service))
    }
}
