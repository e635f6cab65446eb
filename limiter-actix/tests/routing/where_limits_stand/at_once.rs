//! Requests that are in flight together are free no more often than those that come one by one.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    get, guard,
    middleware::{NormalizePath, TrailingSlash, from_fn},
    test::init_service,
    web,
};
use futures_util::future::join_all;
use limiter_actix::{Exempt, ScopeExt, exempt, limit, resource};

use super::{
    super::{A, app, has_a, has_b, passing, plain, spend, still},
    Runs, defer, limited, per_hour, with, without_v1,
};

#[exempt]
#[get("/x")]
async fn exempt_x() -> &'static str {
    "ok"
}

#[limit("1000/hour")]
#[get("/x")]
async fn generous_x() -> &'static str {
    "ok"
}

/// The number of requests sent at once.
pub(super) const MANY: usize = 200;

/// Sends many requests at once; returns how many are not refused.
pub(super) fn at_once<S, B>(app: &S, target: &str, header: &str) -> impl Future<Output = usize>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let answers = join_all((0..MANY).map(|_| app.call(with("GET", target, header).to_request())));
    async {
        let statuses = answers.await.into_iter().map(|answer| answer.expect("an answer").status());
        statuses.filter(|status| *status != 429).count()
    }
}

/// Expects that of many requests at once a limit of three lets through three, and one more at most.
macro_rules! is_free_once {
    ($app:expr, $target:expr, $header:expr, $runs:expr) => {
        let answered = at_once(&$app, $target, $header).await;
        assert!((3..=4).contains(&answered), "{answered} answered");
        assert_eq!($runs.count(), answered);
        assert_eq!(at_once(&$app, $target, $header).await, 0);
    };
}

#[actix_web::test]
async fn beside_a_guarded_exempt_scope() {
    let runs = Runs::default();
    let app = app(|it| {
        it.service(
            web::scope("/v1")
                .guard(guard::fn_guard(has_a))
                .exempt(Exempt::ALL)
                .route("/x", web::get().to(plain)),
        )
        .service(web::scope("/v1").route("/x", web::get().to(runs.take_a_while())));
    })
    .await;
    is_free_once!(app, "/v1/x", "", runs);
}

#[actix_web::test]
async fn beside_a_guarded_scope_with_a_greater_limit() {
    let runs = Runs::default();
    let app = limited(still().default_limits("3/hour"), |it| {
        it.service(
            web::scope("/v1")
                .guard(guard::fn_guard(has_a))
                .limit(per_hour(1000))
                .route("/x", web::get().to(plain)),
        )
        .service(web::scope("/v1").route("/x", web::get().to(runs.take_a_while())));
    })
    .await;
    is_free_once!(app, "/v1/x", "", runs);
}

#[actix_web::test]
async fn on_a_guarded_route_before_an_exempt_one() {
    let runs = Runs::default();
    let app = app(|it| {
        it.route("/x", web::get().guard(guard::fn_guard(has_a)).to(runs.take_a_while())).service(exempt_x);
    })
    .await;
    is_free_once!(app, "/x", A, runs);
}

#[actix_web::test]
async fn at_a_default_service() {
    let runs = Runs::default();
    let app = app(|it| {
        it.service(
            web::scope("/v1")
                .service(web::scope("/in").guard(guard::fn_guard(has_a)).service(exempt_x))
                .default_service(web::to(runs.take_a_while())),
        );
    })
    .await;
    is_free_once!(app, "/v1/in/x", "", runs);
}

#[actix_web::test]
async fn at_a_default_service_beside_a_route_with_a_greater_limit() {
    let runs = Runs::default();
    let app = limited(still().default_limits("3/hour"), |it| {
        it.service(
            web::scope("/v1")
                .service(web::scope("/in").guard(guard::fn_guard(has_a)).service(generous_x))
                .default_service(web::to(runs.take_a_while())),
        );
    })
    .await;
    is_free_once!(app, "/v1/in/x", "", runs);
}

#[actix_web::test]
async fn inside_of_another_limiter() {
    let runs = Runs::default();
    let inner = still().key_prefix("inner").build().unwrap();
    let app = app(|it| {
        it.service(web::scope("/v1/admin").wrap(inner).route("/x", web::get().to(runs.take_a_while())))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/y", web::get().to(plain)));
    })
    .await;
    is_free_once!(app, "/v1/admin/x", "", runs);
}

#[actix_web::test]
async fn behind_middleware_that_defers() {
    let runs = Runs::default();
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(defer))
            .wrap(limiter)
            .service(web::scope("/v1").guard(guard::fn_guard(has_a)).service(exempt_x))
            .default_service(web::to(runs.take_a_while())),
    )
    .await;
    is_free_once!(app, "/v1/x", "", runs);
}

#[actix_web::test]
async fn by_a_pattern_of_rewritten_paths() {
    let runs = Runs::default();
    let limiter = still().route("/login", "3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(without_v1))
            .wrap(limiter)
            .route("/login", web::get().to(runs.take_a_while())),
    )
    .await;
    // Until one of them has come to its end nobody can know that there is a rule.
    at_once(&app, "/v1/login", "").await;
    assert_eq!(at_once(&app, "/v1/login", "").await, 0);
    assert_eq!(at_once(&app, "/login", "").await, 0);
}

#[actix_web::test]
async fn by_spellings_of_an_exempt_path() {
    let runs = Runs::default();
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
            .wrap(limiter)
            .service(exempt_x)
            .default_service(web::to(runs.take_a_while())),
    )
    .await;
    assert_eq!(passing(&app, "GET", "//x", "", 1).await, 1);
    is_free_once!(app, "/x/", "", runs);
}

#[actix_web::test]
async fn a_limited_handler_runs_as_often_as_its_limit_allows() {
    for deferred in [false, true] {
        let runs = Runs::default();
        let limiter = still().build().unwrap();
        let app = init_service(
            App::new()
                .wrap(actix_web::middleware::Condition::new(deferred, from_fn(defer)))
                .wrap(limiter)
                .service(
                    web::scope("/v1")
                        .guard(guard::fn_guard(has_a))
                        .limit(per_hour(3))
                        .route("/x", web::get().to(runs.take_a_while())),
                )
                .service(web::scope("/v1").route("/x", web::get().to(plain))),
        )
        .await;
        assert_eq!(at_once(&app, "/v1/x", A).await, 3, "deferred: {deferred}");
        assert_eq!(runs.count(), 3);
        assert_eq!(at_once(&app, "/v1/x", "").await, MANY);
    }
}

#[actix_web::test]
async fn an_exempt_route_that_was_met_always_answers() {
    for deferred in [false, true] {
        let limiter = still().application_limits("3/hour").build().unwrap();
        let app = init_service(
            App::new()
                .wrap(actix_web::middleware::Condition::new(deferred, from_fn(defer)))
                .wrap(limiter)
                .service(exempt_x)
                .route("/spend", web::get().to(plain)),
        )
        .await;
        assert_eq!(passing(&app, "GET", "/x", "", 1).await, 1);
        spend(&app).await;
        assert_eq!(at_once(&app, "/x", "").await, MANY, "deferred: {deferred}");
    }
}

#[actix_web::test]
async fn an_exempt_route_takes_nothing() {
    let limiter = still().application_limits("1000/hour").default_limits("300/hour").build().unwrap();
    let app = init_service(
        App::new().wrap(from_fn(defer)).wrap(limiter).service(exempt_x).route("/spend", web::get().to(plain)),
    )
    .await;
    for _ in 0..10 {
        assert_eq!(at_once(&app, "/x", "").await, MANY, "what the first have reserved comes back");
    }
    assert_eq!(passing(&app, "GET", "/spend", "", 301).await, 300);
}

#[actix_web::test]
async fn the_first_request_of_an_exempt_route_is_let_in_on_credit() {
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new().wrap(from_fn(defer)).wrap(limiter).service(exempt_x).route("/spend", web::get().to(plain)),
    )
    .await;
    spend(&app).await;
    assert!(at_once(&app, "/x", "").await >= 1);
    assert_eq!(at_once(&app, "/x", "").await, MANY);
}

/// An app with this limiter and a middleware inside that adds slashes, so that nothing but `/x/` is reached.
macro_rules! adding_slashes {
    ($builder:expr, $runs:expr) => {
        init_service(
            App::new()
                .wrap(NormalizePath::new(TrailingSlash::Always))
                .wrap($builder.build().unwrap())
                .route("/x", web::get().to(plain))
                .default_service(web::to($runs.take_a_while())),
        )
        .await
    };
}

#[actix_web::test]
async fn by_a_path_that_leads_away_from_an_exemption_by_pattern() {
    let runs = Runs::default();
    let app = adding_slashes!(still().application_limits("3/hour").exempt_route("/x"), runs);
    is_free_once!(app, "/x", "", runs);
}

#[actix_web::test]
async fn by_a_path_that_leads_away_from_a_greater_limit_by_pattern() {
    let runs = Runs::default();
    let app = adding_slashes!(still().default_limits("3/hour").route("/x", "1000/hour"), runs);
    is_free_once!(app, "/x", "", runs);
}

/// The defect: what the path was before covered the route that it led to, for ever.
#[actix_web::test]
async fn by_a_path_that_leads_from_an_exemption_by_pattern_to_another_route() {
    let runs = Runs::default();
    let limiter = still().application_limits("3/hour").exempt_route("/a/x").build().unwrap();
    let app = init_service(
        App::new().wrap(NormalizePath::new(TrailingSlash::Always)).wrap(limiter).service(
            web::scope("/a")
                .route("/{tail:.*}", web::get().to(runs.take_a_while()))
                .route("/x", web::get().to(plain)),
        ),
    )
    .await;
    is_free_once!(app, "/a/x", "", runs);
}

/// An app behind middleware of which the limiter does not know what it does.
macro_rules! deferring {
    ($builder:expr, $runs:expr) => {
        init_service(
            App::new()
                .wrap(from_fn(defer))
                .wrap($builder.build().unwrap())
                .route("/static/{file}", web::get().to($runs.take_a_while()))
                .route("/static/hanging/{file}", web::get().to($runs.hang()))
                .route("/spend", web::get().to(plain)),
        )
        .await
    };
}

#[actix_web::test]
async fn paths_exempted_by_pattern_always_answer_from_the_first_on() {
    let runs = Runs::default();
    let app = deferring!(still().application_limits("3/hour").exempt_scope("/static"), runs);
    spend(&app).await;
    for _ in 0..2 {
        assert_eq!(at_once(&app, "/static/x", "").await, MANY);
    }
}

#[actix_web::test]
async fn a_route_with_a_greater_limit_by_pattern_has_it_from_the_first_request_on() {
    let runs = Runs::default();
    let app = deferring!(still().default_limits("3/hour").route("/static/{file}", "150/hour"), runs);
    assert_eq!(at_once(&app, "/static/x", "").await, 150);
}

/// The first request never arrives, so that nobody knows whether the exemption holds. The others wait for it, but not
/// for ever.
#[actix_web::test]
async fn an_exempt_path_answers_although_the_first_request_hangs() {
    let runs = Runs::default();
    let app = deferring!(still().application_limits("3/hour").exempt_scope("/static"), runs);
    let mut hanging = pin!(app.call(with("GET", "/static/hanging/x", "").to_request()));
    let polled = poll_fn(|context| Poll::Ready(hanging.as_mut().poll(context).is_pending())).await;
    assert!(polled, "it hangs");
    assert_eq!(
        passing(&app, "GET", "/static/x", "", 9).await,
        9,
        "the first of them has shown that it holds"
    );
    assert_eq!(passing(&app, "GET", "/spend", "", 9).await, 3, "what they had reserved has come back");
}

/// The first shows that rules are met late, and the others do not wait for it.
#[actix_web::test]
async fn behind_middleware_that_waits_between_two_limiters() {
    let inner = still().key_prefix("inner").build().unwrap();
    let app = limited(still().key_prefix("outer").default_limits("3/hour"), |it| {
        it.service(web::scope("/in").wrap(inner).wrap(from_fn(defer)).service(generous_x));
    })
    .await;
    for _ in 0..3 {
        assert_eq!(passing(&app, "GET", "/in/x", "", 1).await, 1);
    }
    assert_eq!(at_once(&app, "/in/x", "").await, MANY);
}

/// The scope is decided at its witness, which grants the exemption inside to one at a time.
#[actix_web::test]
async fn behind_a_scope_that_is_decided_where_it_stands() {
    let runs = Runs::default();
    let app = limited(still().default_limits("1000/hour"), |it| {
        let free = resource("/x", Exempt::ALL, |it| it.guard(guard::fn_guard(has_b)).to(plain));
        let scope = web::scope("/v1").guard(guard::fn_guard(has_a)).limit(per_hour(3)).service(free);
        it.service(scope.default_service(web::to(runs.take_a_while())))
            .service(web::scope("/v1").route("/x", web::get().to(plain)));
    })
    .await;
    is_free_once!(app, "/v1/x", A, runs);
}
