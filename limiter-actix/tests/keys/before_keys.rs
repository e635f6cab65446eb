//! The client's address, in callbacks that run before keys.

use std::net::IpAddr;

use actix_web::{App, HttpRequest, HttpResponse, dev::ServiceRequest, test::init_service, web};
use limiter_actix::{Limit, Limiter, LimiterBuilder, Quota, TrustedProxies, key};
use limiter_test_support::app::ask;

use crate::page::{app, from, passes};

fn behind_a_proxy() -> LimiterBuilder {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    Limiter::builder().trusted_proxies(proxies)
}

fn is_internal(req: &ServiceRequest) -> bool {
    matches!(key::client_ip(req), Some(IpAddr::V4(address)) if address.is_private())
}

fn through_the_proxy(client: &'static str) -> actix_web::test::TestRequest {
    from("10.0.0.1").insert_header(("x-forwarded-for", client))
}

/// The defect: a filter got the address of the proxy, and let everybody pass.
#[actix_web::test]
async fn request_filters_know_the_proxies() {
    let app = app(behind_a_proxy().default_limits("1/hour").request_filter(is_internal)).await;
    let clients = ["192.0.2.1", "192.0.2.1", "10.0.0.9", "10.0.0.9"];
    assert_eq!(passes(&app, clients.map(through_the_proxy)).await, [true, false, true, true]);
}

/// The defect: the same, of dynamic limits.
#[actix_web::test]
async fn dynamic_limits_know_the_proxies() {
    let strangers = Limit::dynamic(|req| (!is_internal(req)).then(|| Quota::per_hour(1)));
    let app = app(behind_a_proxy().default_limits(strangers)).await;
    let clients = ["192.0.2.1", "192.0.2.1", "10.0.0.9", "10.0.0.9"];
    assert_eq!(passes(&app, clients.map(through_the_proxy)).await, [true, false, true, true]);
}

/// The defect: the same, of limits that are checked by hand in an app without the middleware.
#[actix_web::test]
async fn request_filters_of_manual_checks_know_the_proxies() {
    let limiter = behind_a_proxy().named_limit("pages", Quota::per_hour(1)).request_filter(is_internal);
    let limiter = limiter.build().expect("a limiter");
    let page = move |req: HttpRequest| {
        let limiter = limiter.clone();
        async move { limiter.check(&req, "pages").await.map(|_| HttpResponse::Ok()) }
    };
    let app = init_service(App::new().route("/", web::get().to(page))).await;
    for (client, status) in [("192.0.2.1", 200), ("192.0.2.1", 429), ("10.0.0.9", 200), ("10.0.0.9", 200)] {
        assert_eq!(ask(&app, through_the_proxy(client)).await.status, status, "{client}");
    }
}
