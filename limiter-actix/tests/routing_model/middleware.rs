//! Middleware inside and outside of the limiter.

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::Uri,
    middleware::Next,
    rt::task::yield_now,
};

/// The header of requests that are denied.
pub(crate) const DENY: &str = "x-deny";

/// Answers requests that are to be denied.
pub(crate) async fn deny<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    if req.headers().contains_key(DENY) {
        return Ok(req.into_response(HttpResponse::Unauthorized()).map_into_right_body());
    }
    next.call(req).await.map(ServiceResponse::map_into_left_body)
}

/// Lets others go first.
pub(crate) async fn defer<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    yield_now().await;
    next.call(req).await
}

/// Takes `/v` off the front of paths.
pub(crate) async fn take_off<B: MessageBody>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let rest = req.path().strip_prefix("/v").filter(|rest| rest.starts_with('/'));
    if let Some(rest) = rest {
        let uri: Uri = rest.parse().expect("a path");
        req.match_info_mut().get_mut().update(&uri);
        req.head_mut().uri = uri;
    }
    next.call(req).await
}
