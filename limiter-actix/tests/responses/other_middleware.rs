//! Other people's middleware around a limiter.

use std::{cell::RefCell, rc::Rc};

use actix_cors::Cors;
use actix_web::{
    App, HttpMessage, HttpResponse,
    http::StatusCode,
    middleware::{ErrorHandlerResponse, ErrorHandlers},
    test::{TestRequest, init_service},
    web,
};
use limiter_actix::{Breach, CurrentLimits, Headers, Limiter};
use limiter_test_support::app::{ask, request};

use super::limiter;

const ORIGIN: &str = "https://shop.example";

fn from_browser(method: &str) -> TestRequest {
    request(method, "/").insert_header(("origin", ORIGIN))
}

fn preflight() -> TestRequest {
    from_browser("OPTIONS").insert_header(("access-control-request-method", "GET"))
}

#[actix_web::test]
async fn a_script_from_another_origin_can_read_a_refusal() {
    let both = Headers::X_RATELIMIT | Headers::IETF_DRAFT_11;
    let limiter = limiter().default_limits("1/day").headers(both).build().expect("a limit");
    let cors = Cors::default()
        .allowed_origin(ORIGIN)
        .allowed_methods(["GET"])
        .expose_headers(limiter.exposed_headers());
    let app = App::new().wrap(limiter).wrap(cors).route("/", web::get().to(|| async { "admitted" }));
    let app = init_service(app).await;

    // The browser sends a preflight before each request.
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let allowed = ask(&app, preflight()).await;
        assert_eq!(allowed.header("access-control-allow-origin"), Some(ORIGIN), "{allowed:?}");
        statuses.push(ask(&app, from_browser("GET")).await.status);
    }
    assert_eq!(statuses, [200, 429, 429]);

    let refused = ask(&app, from_browser("GET")).await;
    assert_eq!(refused.header("access-control-allow-origin"), Some(ORIGIN));
    let exposed = refused.header("access-control-expose-headers").expect("the header");
    let mut exposed: Vec<_> = exposed.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    exposed.sort_unstable();
    let expected = [
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ];
    assert_eq!(exposed, expected);
    for name in expected {
        assert!(refused.header(name).is_some(), "{name}");
    }
}

#[actix_web::test]
async fn only_configured_headers_are_exposed() {
    let exposed = |headers: Headers| {
        let limiter = limiter().headers(headers).build().expect("a limiter");
        limiter.exposed_headers().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(exposed(Headers::NONE), ["retry-after"]);
    assert_eq!(exposed(Headers::IETF_DRAFT_11), ["retry-after", "ratelimit", "ratelimit-policy"]);
}

/// Where CORS stands inside, or handlers answer preflights themselves.
#[actix_web::test]
async fn preflights_do_not_count_for_default_limits() {
    let app = |limiter: Limiter| App::new().wrap(limiter).default_service(web::to(HttpResponse::Ok));

    let defaults = limiter().default_limits("1/day").build().expect("a limit");
    let defaults = init_service(app(defaults)).await;
    for _ in 0..3 {
        assert_eq!(ask(&defaults, preflight()).await.status, 200);
    }
    assert_eq!(ask(&defaults, from_browser("GET")).await.status, 200);
    assert_eq!(ask(&defaults, from_browser("GET")).await.status, 429);
    // An OPTIONS that is no preflight counts.
    assert_eq!(ask(&defaults, from_browser("OPTIONS")).await.status, 429);

    let application = limiter().application_limits("1/day").build().expect("a limit");
    let application = init_service(app(application)).await;
    assert_eq!(ask(&application, preflight()).await.status, 200);
    assert_eq!(ask(&application, preflight()).await.status, 429);

    let asked_for = limiter().default_limits("1/day").default_limits_on_preflight(true);
    let asked_for = init_service(app(asked_for.build().expect("a limit"))).await;
    assert_eq!(ask(&asked_for, preflight()).await.status, 200);
    assert_eq!(ask(&asked_for, preflight()).await.status, 429);
}

#[actix_web::test]
async fn error_handlers_see_the_refusal_and_the_breach() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&seen);
    let handlers = ErrorHandlers::new().handler(StatusCode::TOO_MANY_REQUESTS, move |response| {
        let req = response.request().clone();
        let breach = req.extensions().get::<Breach>().cloned().expect("the breach");
        let windows = |limits: &CurrentLimits| -> Vec<_> {
            limits.iter().map(|limit| (limit.quota().to_string(), limit.window().remaining())).collect()
        };
        assert_eq!(windows(&CurrentLimits::of(&req)), windows(breach.limits()));
        noted.borrow_mut().push((breach.message().to_owned(), windows(breach.limits())));
        let own = HttpResponse::build(StatusCode::TOO_MANY_REQUESTS).body("our own page");
        Ok(ErrorHandlerResponse::Response(response.into_response(own).map_into_right_body()))
    });
    let limiter = limiter().application_limits("9/day").default_limits("1/minute").build().expect("limits");
    let app = App::new().wrap(limiter).wrap(handlers).route("/", web::get().to(|| async { "admitted" }));
    let app = init_service(app).await;

    assert_eq!(ask(&app, request("GET", "/")).await.body, "admitted");
    assert!(seen.borrow().is_empty());
    let refused = ask(&app, request("GET", "/")).await;
    assert_eq!((refused.status, &*refused.body), (429, "our own page"));
    let windows = vec![("9 per 1 day".to_owned(), 8), ("1 per 1 minute".to_owned(), 0)];
    assert_eq!(*seen.borrow(), [("1 per 1 minute".to_owned(), windows)]);
}
