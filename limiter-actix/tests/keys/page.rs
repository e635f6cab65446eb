//! An app with one page under a limiter.

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};
use limiter_actix::{Limiter, LimiterBuilder};
use limiter_test_support::app::ask;

/// An app with a page at `/` under this limiter.
pub(crate) async fn app(
    limiter: LimiterBuilder,
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    let limiter = limiter.build().expect("a limiter");
    init_service(App::new().wrap(limiter).route("/", web::get().to(HttpResponse::Ok))).await
}

/// A limiter that lets each client through once.
pub(crate) fn once() -> LimiterBuilder {
    Limiter::builder().default_limits("1/hour")
}

/// A request from this address.
pub(crate) fn from(address: &str) -> TestRequest {
    TestRequest::default()
        .peer_addr((address.parse::<std::net::IpAddr>().expect("an address"), 40_000).into())
}

/// Asks in turn; returns whether each was let through.
pub(crate) async fn passes<S, B>(app: &S, requests: impl IntoIterator<Item = TestRequest>) -> Vec<bool>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let mut passed = Vec::new();
    for request in requests {
        passed.push(match ask(app, request).await.status {
            200 => true,
            429 => false,
            other => panic!("answered {other}"),
        });
    }
    passed
}
