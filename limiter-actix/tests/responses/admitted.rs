//! Headers of requests that were admitted and came to something else: an error, or a refusal further in.

use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::{ErrorBadGateway, InternalError},
    guard,
    middleware::{Next, from_fn},
    test::init_service,
    web,
};
use limiter_actix::{Headers, Limit, Limiter, LimiterBuilder, Quota, resource};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};

use super::{draft_reader, limiter};

fn both() -> LimiterBuilder {
    limiter().headers(Headers::X_RATELIMIT | Headers::IETF_DRAFT_11)
}

/// `X-RateLimit-Limit`, `-Remaining`, and what is left by `RateLimit`; each is there once.
fn told(answer: &Answer) -> String {
    let names =
        ["x-ratelimit-limit", "x-ratelimit-remaining", "ratelimit", "ratelimit-policy", "x-ratelimit-reset"];
    for name in names {
        assert_eq!(answer.headers.iter().filter(|(key, _)| key == name).count(), 1, "{name}: {answer:?}");
    }
    let states =
        draft_reader::states(answer.header("ratelimit").expect("it is there")).expect("Structured Fields");
    let states: Vec<_> = states.iter().map(|(name, left, ..)| format!("{name}: {left}")).collect();
    let [limit, remaining] =
        ["x-ratelimit-limit", "x-ratelimit-remaining"].map(|name| answer.header(name).unwrap_or_default());
    format!("{} {limit} {remaining} [{}]", answer.status, states.join(", "))
}

#[actix_web::test]
async fn errors_and_missing_pages_carry_headers() {
    let app = App::new()
        .wrap(both().default_limits("5/minute").build().expect("a limit"))
        .route("/error", web::get().to(|| async { Err::<&str, _>(ErrorBadGateway("no")) }))
        .route("/own", web::get().to(HttpResponse::InternalServerError));
    let app = init_service(app).await;
    for (target, status) in [("/error", 502), ("/own", 500), ("/missing", 404)] {
        let answer = ask(&app, request("GET", target)).await;
        assert_eq!(told(&answer), format!("{status} 5 4 [5 per 1 minute: 4]"));
        assert_eq!(answer.header("retry-after"), None);
    }
}

/// A middleware, unlike a handler, can end in an `Err` that the limiter sees as such.
async fn fails<B: MessageBody>(req: ServiceRequest, _: Next<B>) -> Result<ServiceResponse<B>, Error> {
    match req.path() {
        "/once" => {
            Err(InternalError::from_response("no", HttpResponse::Conflict().body("the only one")).into())
        }
        _ => Err(ErrorBadGateway("no")),
    }
}

#[actix_web::test]
async fn an_error_of_the_service_inside_carries_headers() {
    let counted_twice = Limit::new(Quota::per_minute(5)).deduct_when(|response| response.status == 409);
    let inner = both().default_limits(Limit::new(Quota::per_hour(7)).name("inner"));
    let app = App::new()
        .wrap(from_fn(fails))
        .wrap(inner.build().expect("a limit"))
        .wrap(both().default_limits(counted_twice).build().expect("a limit"));
    let app = init_service(app).await;
    let answer = ask(&app, request("GET", "/")).await;
    assert_eq!((told(&answer), &*answer.body), ("502 5 5 [5 per 1 minute: 5, inner: 6]".to_owned(), "no"));
    // The response is not lost by being asked whether it counts, however many ask.
    let answer = ask(&app, request("GET", "/once")).await;
    assert_eq!(
        (told(&answer), &*answer.body),
        ("409 5 4 [5 per 1 minute: 4, inner: 5]".to_owned(), "the only one")
    );
}

#[actix_web::test]
async fn limiters_further_in_have_headers_too() {
    let outer = both().application_limits("50/day").build().expect("a limit");
    let inner = both().default_limits("2/minute").build().expect("a limit");
    let app = App::new()
        .wrap(outer)
        .service(web::scope("/in").wrap(inner).route("", web::get().to(|| async { "admitted" })));
    let app = init_service(app).await;
    let told_at = async |target| told(&ask(&app, request("GET", target)).await);
    assert_eq!(told_at("/out").await, "404 50 49 [50 per 1 day: 49]");
    assert_eq!(told_at("/in").await, "200 2 1 [50 per 1 day: 48, 2 per 1 minute: 1]");
    assert_eq!(told_at("/in").await, "200 2 0 [50 per 1 day: 47, 2 per 1 minute: 0]");
    let refused = ask(&app, request("GET", "/in")).await;
    assert_eq!(told(&refused), "429 2 0 [50 per 1 day: 46, 2 per 1 minute: 0]");
    assert_eq!(refused.header("retry-after"), Some("60"));
}

#[actix_web::test]
async fn a_manual_limit_that_refuses_is_the_breach() {
    let limiter =
        both().default_limits("50/day").named_limit("exports", Quota::per_hour(1)).build().expect("limits");
    let handler = async |req: HttpRequest, limiter: web::Data<Limiter>| {
        limiter.check(&req, "exports").await?;
        Ok::<_, Error>("admitted")
    };
    let app =
        App::new().app_data(web::Data::new(limiter.clone())).wrap(limiter).route("/", web::get().to(handler));
    let app = init_service(app).await;
    assert_eq!(told(&ask(&app, request("GET", "/")).await), "200 50 49 [50 per 1 day: 49]");
    let refused = ask(&app, request("GET", "/")).await;
    assert_eq!(told(&refused), "429 1 0 [50 per 1 day: 48, 1 per 1 hour: 0]");
    assert_eq!(
        (refused.header("retry-after"), refused.header("cache-control")),
        (Some("3600"), Some("no-store"))
    );
}

/// The limits of a route that another pattern hides are known only when the request is there.
#[actix_web::test]
async fn a_limit_that_is_met_after_routing_is_the_breach() {
    let limiter = both().default_limits("5/minute").build().expect("limits");
    let hidden = Limit::new(Quota::per_hour(1)).override_defaults(false);
    let app = App::new()
        .wrap(limiter)
        .service(web::resource("/{any}").guard(guard::Post()).to(|| async { "posted" }))
        .service(resource("/hidden", hidden, |it| it.to(|| async { "admitted" })));
    let app = init_service(app).await;
    let told_now = async || told(&ask(&app, request("GET", "/hidden")).await);
    assert_eq!(told_now().await, "200 1 0 [5 per 1 minute: 4, 1 per 1 hour: 0]");
    // The charge of the default limit was refunded.
    assert_eq!(told_now().await, "429 1 0 [5 per 1 minute: 4, 1 per 1 hour: 0]");
    assert_eq!(told_now().await, "429 1 0 [5 per 1 minute: 4, 1 per 1 hour: 0]");
}
