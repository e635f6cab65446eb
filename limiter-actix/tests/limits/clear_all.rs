//! Clearing all counts of a client in memory.

use actix_web::{App, HttpResponse, test::init_service, web};
use limiter_actix::{ClearedCounts, Key, Limit, Limiter, Quota, resource};
use limiter_test_support::app::get;

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// Whether all was cleared, once an app has met its limits.
async fn clears_all(limit: Limit) -> (bool, [u16; 2]) {
    let limiter = Limiter::builder().default_limits("1/day").build().expect("a limiter");
    let app = App::new().wrap(limiter.clone()).route("/default", web::to(ok)).service(resource(
        "/own",
        limit,
        |it| it.to(ok),
    ));
    let app = init_service(app).await;
    for status in [200, 429] {
        assert_eq!([get(&app, "/default").await, get(&app, "/own").await], [status; 2]);
    }
    let client = Key::from(std::net::IpAddr::from([127, 0, 0, 1]));
    let cleared = limiter.clear_all(&client).await.expect("memory answers");
    (cleared == ClearedCounts::All, [get(&app, "/default").await, get(&app, "/own").await])
}

#[actix_web::test]
async fn memory_clears_all_limits_that_the_process_has_met() {
    assert_eq!(clears_all(Limit::new(Quota::per_day(1))).await, (true, [200, 200]));
}

/// Names that come from requests are not stored, so nobody can find their counts.
#[actix_web::test]
async fn a_shared_name_by_a_function_is_not_found_in_memory() {
    let limit = Limit::new(Quota::per_day(1)).shared_with(|req| req.path().to_owned());
    assert_eq!(clears_all(limit).await, (false, [200, 429]));
}
