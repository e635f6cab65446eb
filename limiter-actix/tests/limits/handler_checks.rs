//! Limits that the handler checks by itself, with `LimitCheck`.

use actix_web::{
    App, Error, HttpRequest, HttpResponse, HttpServer, Responder,
    rt::task::yield_now,
    test::init_service,
    web::{self, ServiceConfig},
};
use futures_util::future::join;
use limiter_actix::{Limit, LimitCheck, Limiter, Quota, resource};
use limiter_test_support::{
    app::{ask, get, request},
    client::Client,
    log,
    server::serve,
    storages::StorageKind,
};

use crate::probe::hold;

/// Goes on after a refusal, as code does that handles it somewhere else.
async fn stubborn(limits: LimitCheck) -> Result<&'static str, Error> {
    drop(limits.check().await);
    limits.check().await?;
    Ok("passed")
}

/// Checks from two branches of the handler.
async fn twofold(limits: LimitCheck) -> Result<&'static str, Error> {
    let (one, other) = join(limits.check(), limits.check()).await;
    one.and(other)?;
    Ok("passed")
}

async fn shows_both(limits: LimitCheck) -> impl Responder {
    let (one, other) = join(limits.check(), limits.check()).await;
    let shown = |it: Result<_, Error>| match it {
        Ok(_) => "passed".to_owned(),
        Err(error) => {
            let response = error.error_response();
            format!("{} {error} {:?}", response.status(), response.headers().get("retry-after"))
        }
    };
    format!("{}\n{}", shown(one), shown(other))
}

/// The defect: the second check of a refused request passed.
#[test]
fn a_refused_request_stays_refused() {
    let limit = || Limit::new(Quota::per_hour(1)).error_message("no more");
    hold(
        |it| it.auto_check(false),
        |app: &mut ServiceConfig| {
            app.service(resource("/", limit(), |it| it.to(stubborn)));
        },
        &[
            (0.0, "GET /", "", "200 'passed'"),
            (0.0, "GET /", "", "429 [A=3600] 'no more'"),
            (0.0, "GET /", "", "429 [A=3600] 'no more'"),
        ],
    );
}

/// The defect: of two checks at once, the second passed before the first was decided.
#[test]
fn checks_at_once_have_one_result_and_charge_once() {
    let limit = || Limit::new(Quota::per_hour(2)).error_message("no more");
    hold(
        |it| it.auto_check(false),
        |app: &mut ServiceConfig| {
            app.service(resource("/", limit(), |it| it.to(twofold)));
        },
        &[
            (0.0, "GET /", "", "200 'passed'"),
            (0.0, "GET /", "", "200 'passed'"),
            (0.0, "GET /", "", "429 [A=3600] 'no more'"),
        ],
    );
}

#[actix_web::test]
async fn both_of_two_checks_get_the_same_refusal() {
    for kind in StorageKind::ALL {
        let limiter = kind.set(Limiter::builder()).auto_check(false).build().unwrap();
        let app = App::new()
            .wrap(limiter)
            .service(resource("/", Limit::new(Quota::per_day(0)), |it| it.to(shows_both)));
        let body = ask(&init_service(app).await, request("GET", "/")).await.body;
        let lines: Vec<_> = body.lines().collect();
        assert_eq!(lines[0], lines[1], "{kind:?}");
        assert!(lines[0].starts_with("429"), "{kind:?}: {body}");
    }
}

/// Checks again after others have come.
async fn patient(limits: LimitCheck) -> Result<&'static str, Error> {
    limits.check().await?;
    yield_now().await;
    limits.check().await?;
    Ok("passed")
}

#[actix_web::test]
async fn a_request_that_has_passed_its_check_does_not_suffer_from_later_breaches() {
    let limiter = Limiter::builder().default_limits("1/day").meta_limits("1/day").auto_check(false);
    let limiter = limiter.build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(patient))).await;
    let (first, second) = join(get(&app, "/"), get(&app, "/")).await;
    assert_eq!([first, second], [200, 429]);
}

/// The response that a callback made is repeated as it was, and the callback is called once.
#[actix_web::test]
async fn the_response_of_a_callback_is_repeated() {
    async fn handler(limits: LimitCheck) -> Result<&'static str, Error> {
        drop(limits.check().await);
        limits.check().await?;
        Ok("passed")
    }
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&calls);
    let limit = Limit::new(Quota::per_hour(0)).on_breach(move |_, _| {
        let call = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        Some(HttpResponse::PaymentRequired().insert_header(("x-call", call)).body(format!("call {call}")))
    });
    let limiter = Limiter::builder().auto_check(false).build().unwrap();
    let app = App::new().wrap(limiter).service(resource("/", limit, |it| it.to(handler)));
    let answer = ask(&init_service(app).await, request("GET", "/")).await;
    assert_eq!((answer.status, answer.header("x-call"), answer.body.as_str()), (402, Some("1"), "call 1"));
    assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 1);
}

/// The defect: without a limiter, every check passed.
#[test]
fn a_check_without_a_limiter_is_an_error_and_is_logged_once() {
    log::capture();
    let server = serve(|listener| {
        let server = HttpServer::new(|| {
            let off = Limiter::builder().enabled(false).build().expect("a limiter");
            App::new()
                .route("/", web::get().to(stubborn))
                .service(web::scope("/off").wrap(off).route("/", web::get().to(stubborn)))
        });
        Ok(server.workers(2).listen(listener)?.run())
    });
    let mut client = Client::connect(server.address);
    for target in ["/", "/"] {
        let answer = client.get(target);
        assert_eq!(answer.status, 500, "{target}");
        assert_eq!(answer.body, "", "clients need not know");
    }
    assert_eq!(client.get("/off/").status, 200, "a limiter that is off checks nothing");
    let lines = log::everywhere("L033");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("ERROR") && lines[0].contains("path=\"/\""), "{lines:?}");
}

async fn own_limiter(limiter: Limiter) -> String {
    let key = limiter_actix::Key::text("user", 42);
    match limiter.hit("mails", &key, 1).await {
        Ok(window) => format!("{} of {}", window.remaining(), window.limit()),
        Err(error) => error.to_string(),
    }
}

fn with_mails(amount: u64) -> limiter_actix::LimiterBuilder {
    Limiter::builder().named_limit("mails", Quota::per_day(amount))
}

/// With limits, without, switched off, skipped, and in a scope with a limiter of its own.
#[actix_web::test]
async fn a_handler_takes_the_limiter_around_it() {
    let inner = web::scope("/in").wrap(with_mails(7).default_limits("9/day").build().expect("a limiter"));
    let inner = inner.route("/", web::get().to(own_limiter));
    let outer = with_mails(5).request_filter(|req| req.path() == "/skipped").build().expect("a limiter");
    let app = App::new().wrap(outer.clone()).service(inner);
    let app = app.service(resource("/limited", "9/day", |it| it.to(own_limiter)));
    let app = app.route("/free", web::get().to(own_limiter)).route("/skipped", web::get().to(own_limiter));
    let app = init_service(app).await;
    for (target, expected) in [("/free", "4"), ("/free", "3"), ("/limited", "2"), ("/skipped", "1")] {
        assert_eq!(ask(&app, request("GET", target)).await.body, format!("{expected} of 5"), "{target}");
    }
    assert_eq!(ask(&app, request("GET", "/in/")).await.body, "6 of 7");
    outer.set_enabled(false);
    assert_eq!(ask(&app, request("GET", "/free")).await.body, "0 of 5");
}

#[actix_web::test]
async fn a_handler_that_takes_a_limiter_without_one_answers_500() {
    log::capture();
    let app = init_service(App::new().route("/", web::get().to(own_limiter))).await;
    let refused = ask(&app, request("GET", "/")).await;
    assert_eq!((refused.status, &*refused.body), (500, ""));
}

/// A limiter that lets requests pass is one for its own app only.
#[actix_web::test]
async fn the_limiter_of_another_app_is_none() {
    log::capture();
    let limited = init_service(App::new().wrap(Limiter::default()).route("/", web::get().to(stubborn))).await;
    let bare = init_service(App::new().route("/", web::get().to(stubborn))).await;
    for _ in 0..2 {
        assert_eq!(ask(&limited, request("GET", "/")).await.status, 200);
    }
    assert_eq!(ask(&bare, request("GET", "/")).await.status, 500);
}

/// A check by hand is one of a request with a method.
#[actix_web::test]
async fn meta_limits_for_a_method_hold_for_checks_by_hand() {
    async fn send(limiter: web::Data<Limiter>, req: HttpRequest) -> Result<&'static str, Error> {
        limiter.check(&req, "mails").await?;
        Ok("sent")
    }
    let meta = Limit::new(Quota::per_day(1)).methods(["POST"]).error_message("no more breaches");
    let limiter = Limiter::builder().named_limit("mails", "1/hour").meta_limits(meta);
    let data = web::Data::new(limiter.build().expect("a limiter"));
    let app = init_service(App::new().app_data(data).route("/", web::to(send))).await;
    let answer = async |method| ask(&app, request(method, "/").insert_header(("accept", "text/plain"))).await;
    assert_eq!(answer("POST").await.status, 200);
    for (method, message) in [
        ("GET", "1 per 1 hour"),
        ("GET", "1 per 1 hour"),
        ("POST", "1 per 1 hour"),
        ("POST", "no more breaches"),
        ("GET", "1 per 1 hour"),
    ] {
        let answer = answer(method).await;
        assert_eq!((answer.status, answer.body.as_str()), (429, message), "{method}");
    }
}
