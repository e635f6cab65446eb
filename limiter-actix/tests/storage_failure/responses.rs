//! Responses while the storage fails.

use actix_web::{App, guard, http::header::HeaderName, test::init_service, web};
use limiter_actix::{
    Headers, Limit, Limits,
    OnStorageFailure::{self, Allow, Deny, Fallback},
    Quota, resource,
};
use limiter_test_support::app::{ask, request};

use crate::fickle_storage::{Bench, ok};

const DECIDED_BY: HeaderName = HeaderName::from_static("x-decided-by");

fn of(on_failure: OnStorageFailure) -> Limit {
    Limit::new(Quota::per_hour(1)).on_storage_failure(on_failure)
}

#[actix_web::test]
async fn a_503_has_the_form_the_client_accepts() {
    let bench = Bench::failing();
    let limiter =
        bench.limiter().default_limits(of(Deny)).headers(Headers::X_RATELIMIT | Headers::IETF_DRAFT_11);
    let app = init_service(App::new().wrap(limiter.build().unwrap()).route("/", web::to(ok))).await;
    for (accept, form, begins) in [
        (
            "*/*",
            "application/problem+json",
            r#"{"type":"https://iana.org/assignments/http-problem-types#temporary-reduced-capacity""#,
        ),
        ("application/json", "application/problem+json", "{"),
        (
            "text/html",
            "text/html; charset=utf-8",
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>503 Service Unavailable",
        ),
        ("text/plain", "text/plain; charset=utf-8", "The limits cannot be checked now."),
    ] {
        let answer = ask(&app, request("GET", "/").insert_header(("accept", accept))).await;
        assert_eq!(answer.status, 503, "{accept}");
        assert_eq!(answer.header("content-type"), Some(form), "{accept}");
        assert!(answer.body.starts_with(begins), "{accept}: {}", answer.body);
        assert_eq!(answer.header("retry-after"), Some("5"), "{accept}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{accept}");
        for name in ["x-ratelimit-limit", "ratelimit", "ratelimit-policy"] {
            assert_eq!(answer.header(name), None, "nothing is known of any limit");
        }
    }
    let answer = ask(&app, request("HEAD", "/")).await;
    assert_eq!((answer.status, &*answer.body), (503, ""));
}

#[actix_web::test]
async fn a_header_with_a_name_shows_who_decided() {
    let bench = Bench::new();
    let limiter = bench.limiter().fallback_header(DECIDED_BY).build().unwrap();
    assert!(limiter.exposed_headers().contains(&DECIDED_BY));
    let mixed = Limits::from([of(Allow), of(Fallback)]);
    let app = App::new()
        .wrap(limiter)
        .service(resource("/memory", of(Fallback), |it| it.to(ok)))
        .service(resource("/allow", of(Allow), |it| it.to(ok)))
        .service(resource("/deny", of(Deny), |it| it.to(ok)))
        .service(resource("/mixed", mixed, |it| it.to(ok)))
        .route("/plain", web::to(ok));
    let app = init_service(app).await;
    for target in ["/memory", "/allow", "/deny", "/mixed", "/plain"] {
        let answer = ask(&app, request("GET", target)).await;
        assert_eq!((answer.status, answer.header("x-decided-by")), (200, None), "{target}");
    }
    bench.storage.fail();
    bench.clock.advance(std::time::Duration::from_secs(3600));
    for (target, status, by) in [
        ("/memory", 200, Some("memory")),
        ("/memory", 429, Some("memory")),
        ("/allow", 200, Some("none")),
        ("/deny", 503, Some("none")),
        ("/mixed", 200, Some("memory")),
        ("/plain", 200, None),
    ] {
        let answer = ask(&app, request("GET", target)).await;
        assert_eq!((answer.status, answer.header("x-decided-by")), (status, by), "{target}");
    }
    bench.storage.recover();
    let answer = ask(&app, request("GET", "/allow")).await;
    assert_eq!(answer.header("x-decided-by"), None);
}

#[actix_web::test]
async fn the_header_of_who_decided_is_off_by_default() {
    let bench = Bench::failing();
    let limiter = bench.limiter().default_limits("5/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    let answer = ask(&app, request("GET", "/")).await;
    let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-type"]);
}

/// Nothing is known of a limit that has dropped out.
#[actix_web::test]
async fn limits_that_drop_out_are_not_shown() {
    let bench = Bench::failing();
    let named = |name: &'static str, on_failure| of(on_failure).name(name);
    let limits = Limits::from([named("gone", Allow), named("here", Fallback)]);
    let app = App::new()
        .wrap(bench.limiter().headers(Headers::X_RATELIMIT | Headers::IETF_DRAFT_11).build().unwrap())
        .service(resource("/both", limits, |it| it.to(ok)))
        .service(resource("/gone", of(Allow), |it| it.to(ok)));
    let app = init_service(app).await;
    for status in [200, 429] {
        let answer = ask(&app, request("GET", "/both")).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"here\";q=1;w=3600"));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
    }
    let answer = ask(&app, request("GET", "/gone")).await;
    assert_eq!((answer.header("x-ratelimit-limit"), answer.header("ratelimit")), (None, None));
}

/// The storage has decided what was charged before routing, and fails where a guard has led.
#[actix_web::test]
async fn the_header_shows_who_decided_after_routing() {
    for (on_failure, by) in [(Allow, "none"), (Fallback, "memory")] {
        let bench = Bench::new();
        let limiter = bench.limiter().default_limits("9/hour").fallback_header(DECIDED_BY).build().unwrap();
        let app = App::new()
            .wrap(limiter)
            .service(web::resource("/{name}").guard(guard::Host("example.com")).to(ok))
            .service(resource("/hidden", of(on_failure), |it| it.to(ok)));
        let app = init_service(app).await;
        bench.storage.fail_at(2);
        let answer = ask(&app, request("GET", "/hidden")).await;
        assert_eq!((answer.status, answer.header("x-decided-by")), (200, Some(by)));
        let hiding = request("GET", "/page").insert_header(("host", "example.com"));
        assert_eq!(ask(&app, hiding).await.header("x-decided-by"), None, "the storage is back");
    }
}
