//! The first request of a worker, in which the limiter gets to know the app.

use std::time::Instant;

use actix_http::Request;
use actix_web::{
    App, Error, Scope,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    middleware::Condition,
    test::init_service,
    web,
};
use futures_util::FutureExt;
use limiter_actix::{Limiter, resource};
use limiter_test_support::app::get;

use super::{
    super::{plain, still},
    per_hour,
};

/// A scope with so many limited routes with a parameter.
fn routes(number: usize) -> Scope {
    (0..number).fold(web::scope("/v1"), |scope, route| {
        let pattern = format!("/r{route}/{{id}}/x");
        scope.service(resource(&pattern, per_hour(1000), |it| it.route(web::get().to(plain))))
    })
}

/// An app that has not answered a request yet, and the path of one of its routes.
async fn fresh(
    number: usize,
    limiter: Option<Limiter>,
) -> (impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>, String) {
    let middleware = Condition::new(limiter.is_some(), limiter.unwrap_or_default());
    let app = init_service(App::new().wrap(middleware).service(routes(number))).await;
    (app, format!("/v1/r{}/7/x", number / 2))
}

/// Counts the allocations of the first request: actix makes one for each pattern with a parameter that it tries.
async fn allocations(number: usize) -> u64 {
    let (app, target) = fresh(number, Some(still().build().unwrap())).await;
    let allocations = allocation_counter::measure(|| {
        let status = get(&app, &target).now_or_never();
        assert_eq!(status, Some(200));
    });
    allocations.count_total
}

#[actix_web::test]
async fn does_not_try_each_path_with_each_pattern() {
    let (few, many) = (allocations(100).await, allocations(400).await);
    assert!(many < 6 * few, "{many} for four times the routes of {few}");
}

/// Prints times, for people to look at: `cargo test --release -- --ignored --nocapture first_request`.
#[actix_web::test]
#[ignore = "times depend on the machine"]
async fn takes_little_longer_than_without_a_limiter() {
    for number in [100, 400, 1600] {
        for limiter in [None, Some(still().build().unwrap())] {
            let is_limited = limiter.is_some();
            let (app, target) = fresh(number, limiter).await;
            let start = Instant::now();
            assert_eq!(get(&app, &target).await, 200);
            println!("{number} routes, limited: {is_limited}: {:?}", start.elapsed());
        }
    }
}
