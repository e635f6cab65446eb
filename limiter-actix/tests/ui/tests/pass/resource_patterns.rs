//! A limited resource of several patterns has one count.
#![deny(warnings)]

use actix_web::{App, test, web};
use limiter_actix::{Limit, Limiter, Quota, resource};

#[actix_web::test]
async fn passes() {
    let limited = resource(["/b", "/b2"], Limit::new(Quota::per_hour(2)), |it| {
        it.route(web::get().to(|| async { "ok" }))
    });
    let app = test::init_service(App::new().wrap(Limiter::default()).service(limited)).await;
    let mut statuses = Vec::new();
    for target in ["/b", "/b2", "/b", "/b2"] {
        let request = test::TestRequest::with_uri(target).to_request();
        statuses.push(test::call_service(&app, request).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
}
