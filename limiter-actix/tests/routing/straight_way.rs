//! Requests whose way is straight at first: what is granted to them holds, whatever happens on the way.

use std::{
    cell::RefCell,
    future::{Future, Ready, pending, poll_fn, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::EitherBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    error::ErrorUnauthorized,
    get, guard,
    http::{StatusCode, Uri},
    rt::task::yield_now,
    test::{TestRequest, init_service},
    web,
};
use futures_util::future::{LocalBoxFuture, join, join_all};
use limiter_actix::{
    CurrentLimits, Exempt, Limit, LimitCheck, Limiter, Quota, ScopeExt, exempt, limit, resource,
};
use limiter_test_support::{
    app::{ask, get, request},
    log,
};

use super::{has_b, passing, plain, still};

/// A middleware that calls at once what it is around. By a header, it waits first (`x-wait`), answers itself with a
/// status (`x-answer`), or calls with another path (`x-path`).
struct Whims;

struct WhimsService<S> {
    service: Rc<S>,
}

impl<S, B> Transform<S, ServiceRequest> for Whims
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = WhimsService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(WhimsService { service: Rc::new(service) }))
    }
}

impl<S, B> Service<ServiceRequest> for WhimsService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, mut req: ServiceRequest) -> Self::Future {
        let service = Rc::clone(&self.service);
        let header = |name| req.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let answer = header("x-answer").map(|status| status.parse().expect("a status"));
        let waits = header("x-wait").is_some();
        if let Some(path) = header("x-path") {
            req.match_info_mut().get_mut().update(&path.parse::<Uri>().unwrap());
        }
        if waits {
            return Box::pin(async move {
                yield_now().await;
                match answer {
                    Some(status) => Ok(answered(req, status)),
                    None => service.call(req).await.map(ServiceResponse::map_into_left_body),
                }
            });
        }
        if let Some(status) = answer {
            return Box::pin(ready(Ok(answered(req, status))));
        }
        let response = service.call(req);
        Box::pin(async move { response.await.map(ServiceResponse::map_into_left_body) })
    }
}

fn answered<B>(req: ServiceRequest, status: StatusCode) -> ServiceResponse<EitherBody<B>> {
    req.into_response(HttpResponse::new(status)).map_into_right_body()
}

const WAIT: &str = "x-wait: 1";

fn limiter() -> Limiter {
    still().application_limits("3/hour").build().unwrap()
}

#[exempt]
#[get("/free")]
async fn free() -> &'static str {
    "free"
}

/// Without the application limits.
#[exempt(application)]
#[get("/open")]
async fn open() -> &'static str {
    "open"
}

/// Answers, unless a header wants it to hang (`x-hang`).
#[exempt]
#[get("/download")]
async fn download(req: HttpRequest) -> &'static str {
    if req.headers().contains_key("x-hang") { pending().await } else { "all of it" }
}

#[limit("9/hour")]
#[get("/hang")]
async fn hang() -> &'static str {
    pending().await
}

#[limit("90/hour")]
#[get("/generous")]
async fn generous() -> &'static str {
    "generous"
}

#[limit("2/hour")]
#[get("/two")]
async fn two() -> &'static str {
    "two"
}

/// Its limits are checked, and there are none.
#[exempt]
#[get("/checked")]
async fn checked(limits: LimitCheck, current: CurrentLimits) -> Result<String, Error> {
    let checked = limits.check().await?;
    Ok(format!("{} {}", checked.iter().count(), current.iter().count()))
}

macro_rules! app {
    ($limiter:expr) => {
        init_service(
            App::new()
                .wrap($limiter)
                .route("/spend", web::get().to(plain))
                .service(checked)
                .service(free)
                .service(
                    web::scope("/in")
                        .service(free)
                        .service(open)
                        .service(download)
                        .service(hang)
                        .service(two)
                        .route("/plain", web::get().to(plain))
                        .wrap(Whims),
                ),
        )
        .await
    };
}

#[actix_web::test]
async fn an_exempt_route_that_is_met_late_now_and_then_stays_exempt() {
    let app = app!(limiter());
    assert_eq!(passing(&app, "GET", "/in/free", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 3);
    for header in [WAIT, "", WAIT, WAIT, "", ""] {
        assert_eq!(passing(&app, "GET", "/in/free", header, 3).await, 3, "{header}");
    }
    assert_eq!(passing(&app, "GET", "/free", "", 5).await, 5);
}

#[actix_web::test]
async fn an_answer_of_middleware_takes_no_exemption_away() {
    let app = app!(limiter());
    assert_eq!(passing(&app, "GET", "/in/free", "", 2).await, 2);
    let asked = request("GET", "/in/free").insert_header(("x-answer", "401"));
    assert_eq!(ask(&app, asked).await.status, 401);
    assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 3, "nothing was taken");
    assert_eq!(passing(&app, "GET", "/in/free", "", 5).await, 5);
}

#[actix_web::test]
async fn a_check_of_an_exempt_request_passes() {
    log::capture();
    let app = app!(limiter());
    for _ in 0..4 {
        assert_eq!(get(&app, "/checked").await, 200);
    }
    assert_eq!(log::here("L033"), Vec::<String>::new());
}

/// What is declared on a limited route holds when an exempt request ends there, at once or late.
#[actix_web::test]
async fn a_limit_that_nobody_predicted_holds() {
    for late in ["", "x-wait"] {
        let app = app!(still().build().unwrap());
        assert_eq!(passing(&app, "GET", "/in/plain", "", 3).await, 3);
        assert_eq!(passing(&app, "GET", "/in/free", "", 3).await, 3);
        for target in ["/in/plain", "/in/free"] {
            let mut passed = 0;
            for _ in 0..5 {
                let mut asked = request("GET", target).insert_header(("x-path", "/in/two"));
                if !late.is_empty() {
                    asked = asked.insert_header((late, "1"));
                }
                let status = ask(&app, asked).await.status;
                assert!([200, 429].contains(&status), "{target}: {status}");
                passed += usize::from(status == 200);
            }
            assert!(passed <= 2, "{target} {late}: {passed}");
        }
    }
}

#[actix_web::test]
async fn a_limiter_further_in_decides_also_late() {
    for header in ["", WAIT] {
        let inner = || still().key_prefix("inner").default_limits("3/hour").build().unwrap();
        let app = init_service(
            App::new()
                .wrap(still().key_prefix("outer").application_limits("5/hour").build().unwrap())
                .service(
                    web::scope("/in")
                        .exempt(Exempt::ALL)
                        .service(resource("/x", Exempt::ALL, move |it| it.wrap(inner()).to(plain)))
                        .service(web::resource("/y").wrap(inner()).to(plain))
                        .wrap(Whims),
                ),
        )
        .await;
        for _ in 0..3 {
            assert_eq!(passing(&app, "GET", "/in/x", header, 9).await, 9, "exempt there, too");
        }
        assert_eq!(passing(&app, "GET", "/in/y", header, 9).await, 3, "{header}");
    }
}

fn left(req: &HttpRequest) -> Vec<u64> {
    CurrentLimits::of(req).iter().map(|limit| limit.window().remaining()).collect()
}

/// The place where a request carries its state is used again by later ones, but not before it has gone.
#[actix_web::test]
async fn a_request_that_outlives_its_response_keeps_its_own_limits() {
    let clones = Rc::new(RefCell::new(Vec::new()));
    let (inside, outside) = (Rc::clone(&clones), Rc::new(RefCell::new(Vec::new())));
    let seen_outside = Rc::clone(&outside);
    let app = init_service(
        App::new()
            .route(
                "/",
                web::get().to(move |req: HttpRequest| {
                    if req.headers().contains_key("x-keep") {
                        inside.borrow_mut().push(req);
                    }
                    ready("ok")
                }),
            )
            .wrap(still().application_limits("9/hour").build().unwrap())
            .wrap_fn(move |req, inner| {
                let (response, seen) = (inner.call(req), Rc::clone(&seen_outside));
                async move {
                    let response = response.await?;
                    seen.borrow_mut().push(left(response.request()));
                    Ok(response)
                }
            }),
    )
    .await;
    for header in ["", "x-keep", "", "x-keep", "", ""] {
        let asked = request("GET", "/").insert_header((if header.is_empty() { "x-go" } else { header }, "1"));
        assert_eq!(ask(&app, asked).await.status, 200);
    }
    let kept: Vec<_> = clones.borrow().iter().map(left).collect();
    assert_eq!(kept, [[7], [5]]);
    assert_eq!(*outside.borrow(), [[8], [7], [6], [5], [4], [3]]);
    clones.borrow_mut().clear();
    assert_eq!(passing(&app, "GET", "/", "", 9).await, 3);
}

/// A request with these header lines.
fn with(target: &str, lines: &[(&str, &str)]) -> TestRequest {
    lines.iter().fold(request("GET", target), |request, line| request.insert_header(*line))
}

/// Polls a request so many times; returns whether it is still on its way.
async fn is_on_its_way(mut answer: Pin<&mut impl Future>, polls: usize) -> bool {
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_ready())).await {
            return false;
        }
    }
    true
}

/// The first route has no limits at all, the other is left with the default limits.
#[actix_web::test]
async fn what_a_request_on_its_way_has_not_met_is_granted_to_no_other() {
    for target in ["/in/free", "/in/open"] {
        let app = app!(still().application_limits("3/hour").default_limits("99/hour").build().unwrap());
        assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 3);
        assert_eq!(passing(&app, "GET", target, "", 3).await, 3);
        let mut first = pin!(app.call(with(target, &[("x-wait", "1")]).to_request()));
        assert!(is_on_its_way(first.as_mut(), 1).await, "it waits");
        assert_eq!(get(&app, target).await, 429, "{target}: the first may go elsewhere");
        assert_eq!(first.await.unwrap().status(), 200);
        assert_eq!(passing(&app, "GET", target, "", 3).await, 3, "{target}: the first has met it");
    }
}

/// What it will not meet any more is granted to others again.
#[actix_web::test]
async fn a_request_that_has_gone_elsewhere_keeps_no_other_waiting() {
    let app = app!(limiter());
    assert_eq!(passing(&app, "GET", "/in/free", "", 3).await, 3);
    let mut elsewhere = pin!(app.call(with("/in/free", &[("x-path", "/in/hang")]).to_request()));
    assert!(is_on_its_way(elsewhere.as_mut(), 3).await, "it hangs");
    assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 2, "the limit holds where it hangs");
    assert_eq!(passing(&app, "GET", "/in/free", "", 1).await, 1);
}

/// The request has met the first of its two rules, and not the second.
#[actix_web::test]
async fn an_answer_in_place_of_an_exempt_route_in_a_scope_with_a_rule_is_free_once() {
    let app = init_service(App::new().wrap(limiter()).service(
        web::scope("/out").exempt(Exempt::DEFAULT).service(web::scope("/in").service(free).wrap(Whims)),
    ))
    .await;
    assert_eq!(passing(&app, "GET", "/out/in/free", "", 9).await, 9);
    let passed = passing(&app, "GET", "/out/in/free", "x-answer: 200", 9).await;
    assert!((3..=4).contains(&passed), "{passed}");
}

/// Nobody waits for others at a route that is met late, so several requests may be free at once.
#[actix_web::test]
async fn answers_in_place_of_an_exempt_route_are_logged_once() {
    log::capture();
    let app = app!(limiter());
    assert_eq!(passing(&app, "GET", "/in/free", WAIT, 3).await, 3);
    let asked = || app.call(with("/in/free", &[("x-wait", "1"), ("x-answer", "200")]).to_request());
    let (one, other) = join(asked(), asked()).await;
    assert!(one.unwrap().status() == 200 && other.unwrap().status() == 200);
    assert_eq!(log::here("L009").len(), 1, "{:?}", log::here("L009"));
}

/// The defect: the request that was on its way kept the exemption from itself, was refused, and the route was exempt no
/// longer.
#[actix_web::test]
async fn an_exempt_route_in_a_scope_with_a_rule_stays_exempt_when_it_is_met_late() {
    let app = init_service(
        App::new()
            .wrap(limiter())
            .route("/spend", web::get().to(plain))
            .service(web::scope("/in").exempt(Exempt::DEFAULT).service(free).wrap(Whims)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/in/free", "", 3).await, 3);
    assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 3);
    let late = passing(&app, "GET", "/in/free", WAIT, 3).await;
    let at_once = passing(&app, "GET", "/in/free", "", 3).await;
    assert_eq!((late, at_once), (3, 3));
}

/// The defect: an answer behind a rule that was met late took the exemption away that lies further in.
#[actix_web::test]
async fn a_late_answer_of_middleware_takes_no_exemption_away() {
    let inner = web::scope("/in").service(free).wrap_fn(|req, inner| {
        let answer: LocalBoxFuture<'static, Result<ServiceResponse<EitherBody<_>>, Error>> =
            if req.headers().contains_key("x-stranger") {
                Box::pin(ready(Ok(answered(req, StatusCode::UNAUTHORIZED))))
            } else {
                let response = inner.call(req);
                Box::pin(async move { response.await.map(ServiceResponse::map_into_left_body) })
            };
        answer
    });
    let app = init_service(
        App::new()
            .wrap(limiter())
            .route("/spend", web::get().to(plain))
            .service(web::scope("/out").exempt(Exempt::DEFAULT).service(inner).wrap(Whims)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/out/in/free", "", 3).await, 3);
    let stranger = with("/out/in/free", &[("x-wait", "1"), ("x-stranger", "1")]);
    assert_eq!(ask(&app, stranger).await.status, 401);
    assert!(passing(&app, "GET", "/spend", "", 5).await >= 2);
    assert_eq!(passing(&app, "GET", "/out/in/free", "", 3).await, 3);
}

/// The defect: a request that was dropped at its handler took the exemption away, since it had met the rule late.
#[actix_web::test]
async fn a_late_request_that_is_dropped_at_an_exempt_handler_takes_no_exemption_away() {
    let app = app!(limiter());
    assert_eq!(passing(&app, "GET", "/in/download", "", 3).await, 3);
    {
        let mut dropped =
            pin!(app.call(with("/in/download", &[("x-wait", "1"), ("x-hang", "1")]).to_request()));
        assert!(is_on_its_way(dropped.as_mut(), 5).await, "it hangs");
    }
    assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 3);
    assert_eq!(passing(&app, "GET", "/in/download", "", 3).await, 3);
}

/// Each of them finds what is kept of it, and not what is kept of another.
#[actix_web::test]
async fn requests_that_wait_together_on_their_way_take_no_exemption_away() {
    let app = app!(limiter());
    for target in ["/in/free", "/in/download"] {
        assert_eq!(passing(&app, "GET", target, "", 3).await, 3);
    }
    let mut first = pin!(app.call(with("/in/free", &[("x-wait", "1")]).to_request()));
    assert!(is_on_its_way(first.as_mut(), 1).await, "it waits");
    let mut second = pin!(app.call(with("/in/download", &[("x-wait", "1")]).to_request()));
    assert!(is_on_its_way(second.as_mut(), 1).await, "it waits, too");
    assert_eq!([first.await.unwrap().status(), second.await.unwrap().status()], [200, 200]);
    assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 3, "nothing was taken");
    for target in ["/in/free", "/in/download"] {
        assert_eq!(passing(&app, "GET", target, "", 3).await, 3, "{target}");
    }
}

/// It may have gone elsewhere, so the rule is granted to none before they have met it. The first route has no limits at
/// all, the other is left with the default limits.
#[actix_web::test]
async fn a_request_that_is_dropped_on_its_way_leaves_no_exemption_in_advance() {
    for target in ["/in/free", "/in/open"] {
        let app = app!(still().application_limits("3/hour").default_limits("99/hour").build().unwrap());
        assert_eq!(passing(&app, "GET", target, "", 3).await, 3);
        {
            let mut dropped = pin!(app.call(with(target, &[("x-wait", "1")]).to_request()));
            assert!(is_on_its_way(dropped.as_mut(), 1).await, "it waits");
        }
        assert_eq!(passing(&app, "GET", target, "", 3).await, 3, "{target}: it is exempt once it is met");
        assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 3, "{target}: nothing was taken");
        assert_eq!(passing(&app, "GET", target, "", 3).await, 0, "{target}");
    }
}

/// The same if middleware panics on the way. It does where it is to call with a path that is none.
#[actix_web::test]
async fn a_request_that_panics_on_its_way_leaves_no_exemption_in_advance() {
    for target in ["/in/free", "/in/open"] {
        let app = app!(still().application_limits("3/hour").default_limits("99/hour").build().unwrap());
        assert_eq!(passing(&app, "GET", target, "", 3).await, 3);
        let panics = || drop(app.call(with(target, &[("x-path", "")]).to_request()));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err(), "{target}: it is called at once");
        assert_eq!(passing(&app, "GET", target, "", 3).await, 3, "{target}: it is exempt once it is met");
        assert_eq!(passing(&app, "GET", "/spend", "", 5).await, 3, "{target}: nothing was taken");
        assert_eq!(passing(&app, "GET", target, "", 3).await, 0, "{target}");
    }
}

/// Whoever is further out may keep the error for a while.
#[actix_web::test]
async fn a_request_that_has_ended_in_an_error_keeps_no_exemption_from_others() {
    for straight in [true, false] {
        let limiter = still().application_limits("0/hour").default_limits("99/hour");
        let limiter = if straight { limiter } else { limiter.request_filter(|_| false) };
        let scope = web::scope("/in").service(free).service(open);
        let scope = scope.wrap_fn(|req, inner| -> LocalBoxFuture<'static, _> {
            if req.headers().contains_key("x-a") {
                return Box::pin(ready(Err(ErrorUnauthorized("a stranger"))));
            }
            Box::pin(inner.call(req))
        });
        let app = init_service(App::new().wrap(limiter.build().unwrap()).service(scope)).await;
        for target in ["/in/free", "/in/open"] {
            assert_eq!(passing(&app, "GET", target, "", 3).await, 3, "{target}, straight: {straight}");
            let error = app.call(with(target, &[("x-a", "1")]).to_request()).await.err();
            assert!(error.is_some(), "{target}, straight: {straight}");
            assert_eq!(passing(&app, "GET", target, "", 3).await, 3, "{target}, straight: {straight}");
        }
    }
}

/// A request to an exempt route that ends at another one is charged there, so that it was not free. An answer of middleware
/// is free once.
#[actix_web::test]
async fn an_exemption_that_a_late_request_has_not_met_frees_one_answer() {
    let app = app!(still().application_limits("1/hour").build().unwrap());
    assert_eq!(passing(&app, "GET", "/in/free", "", 3).await, 3);
    let astray =
        request("GET", "/in/free").insert_header(("x-wait", "1")).insert_header(("x-path", "/in/two"));
    assert_eq!(ask(&app, astray).await.status, 200);
    assert_eq!(passing(&app, "GET", "/in/two", "", 1).await, 0, "it was charged");
    assert_eq!(passing(&app, "GET", "/in/free", "x-answer: 200", 9).await, 1);
}

/// Once middleware has waited on the way, requests do not wait for each other to meet their limit, and need no other.
#[actix_web::test]
async fn requests_that_are_late_together_are_under_their_own_limit() {
    let nothing = Limit::new(Quota::per_hour(0));
    let limiter = still().default_limits(nothing).build().unwrap();
    let nine = resource("/x", Quota::per_hour(9), |it| it.to(plain));
    let app = App::new().wrap(limiter).service(web::scope("/in").service(nine).wrap(Whims));
    let app = init_service(app).await;
    for header in ["", "", WAIT] {
        assert_eq!(passing(&app, "GET", "/in/x", header, 1).await, 1, "{header}");
    }
    let late = || async { passing(&app, "GET", "/in/x", WAIT, 1).await };
    assert_eq!(join_all([late(), late(), late()]).await, [1, 1, 1]);
}

/// The defect: a limiter further in did not know which rules a request had met that was let pass, and took the exemption
/// of a scope further out for its own. One request to each route was free, and all in flight with it.
#[actix_web::test]
async fn an_exemption_further_out_is_none_in_a_limiter_further_in() {
    let inner = still().key_prefix("inner").application_limits("3/hour").build().unwrap();
    let within = (0..9)
        .fold(web::scope("/in"), |scope, number| scope.route(&format!("/{number}"), web::get().to(plain)));
    let outside = web::scope("/out").exempt(Exempt::ALL).service(within.wrap(inner).wrap(Whims));
    let app = init_service(App::new().wrap(limiter()).service(outside)).await;
    let mut passed = 0;
    for number in 0..9 {
        passed += passing(&app, "GET", &format!("/out/in/{number}"), WAIT, 2).await;
    }
    assert_eq!(passed, 3);
}

/// Each app of a thread knows its own limiter, whichever was the last.
#[actix_web::test]
async fn exempt_requests_of_two_apps_find_their_limiters() {
    log::capture();
    let (first, second) = (app!(limiter()), app!(limiter()));
    for _ in 0..3 {
        assert_eq!([get(&first, "/checked").await, get(&second, "/checked").await], [200, 200]);
    }
    assert_eq!(log::here("L033"), Vec::<String>::new());
}

/// The limit of the route where the request ends is refunded by its response.
#[actix_web::test]
async fn a_limit_that_nobody_predicted_reads_the_response() {
    for waits in [false, true] {
        let refunded = Limit::new(Quota::per_hour(1)).deduct_when(|_| false);
        let scope =
            web::scope("/in").service(free).service(resource("/refunded", refunded, |it| it.to(plain)));
        let app = init_service(App::new().wrap(still().build().unwrap()).service(scope.wrap(Whims))).await;
        assert_eq!(passing(&app, "GET", "/in/free", "", 3).await, 3);
        for _ in 0..5 {
            let mut asked = request("GET", "/in/free").insert_header(("x-path", "/in/refunded"));
            if waits {
                asked = asked.insert_header(("x-wait", "1"));
            }
            assert_eq!(ask(&app, asked).await.status, 200, "waits: {waits}");
        }
    }
}

/// The first shows that the rule is met late, so that the others need not wait for each other.
#[actix_web::test]
async fn requests_that_are_late_before_and_after_a_limiter_that_skips_them() {
    for target in ["/in/free", "/in/generous"] {
        for waits_before in [false, true] {
            let skipping = still().key_prefix("skipping").request_filter(|_| true).build().unwrap();
            let outer = still().application_limits("100/hour").default_limits("3/hour").build().unwrap();
            let scope = web::scope("/in").service(free).service(generous);
            let app = App::new().wrap(outer).configure(|it| {
                if waits_before {
                    it.service(scope.wrap(skipping).wrap(Whims));
                } else {
                    it.service(scope.wrap(Whims).wrap(skipping));
                }
            });
            let app = init_service(app).await;
            assert_eq!(passing(&app, "GET", target, "", 3).await, 3);
            assert_eq!(passing(&app, "GET", target, WAIT, 1).await, 1);
            let together = (0..9).map(|_| app.call(with(target, &[("x-wait", "1")]).to_request()));
            let statuses = join_all(together).await.into_iter().map(|it| it.expect("a response").status());
            let passed = statuses.filter(|status| *status == 200).count();
            assert_eq!(passed, 9, "{target}, waits before the other limiter: {waits_before}");
        }
    }
}

/// actix would panic if the request got a data container that late.
#[actix_web::test]
async fn a_request_with_a_clone_that_middleware_answers() {
    let clones = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&clones);
    let app = App::new()
        .wrap_fn(|req, _| ready(Ok(req.into_response(HttpResponse::Accepted().finish()))))
        .wrap(limiter())
        .wrap_fn(move |req, inner| {
            kept.borrow_mut().push(req.request().clone());
            inner.call(req)
        })
        .route("/x", web::get().to(plain));
    let app = init_service(app).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(get(&app, "/x").await);
    }
    assert_eq!(statuses, [202, 202, 202, 429]);
    assert_eq!(clones.borrow().len(), 4);
}

/// It lets requests pass without keeping anything of them only if it is around the whole app.
#[actix_web::test]
async fn a_limiter_of_a_scope_is_none_of_the_routes_outside() {
    let outside = async |limits: LimitCheck| limits.check().await.map(|_| "passed");
    let scope = web::scope("/in").service(free).wrap(limiter());
    let app = init_service(App::new().service(scope).route("/outside", web::get().to(outside))).await;
    assert_eq!(passing(&app, "GET", "/in/free", "", 5).await, 5);
    assert_eq!(get(&app, "/outside").await, 500);
}

/// The exemption of the scope was met before middleware waited, and only that of the route was not.
#[actix_web::test]
async fn a_request_that_is_dropped_on_its_way_leaves_the_exemptions_that_it_has_met() {
    let inside = web::scope("/in").service(free).wrap(Whims);
    let scope = web::scope("/out").exempt(Exempt::ALL).service(inside).route("/x", web::get().to(plain));
    let app = App::new().wrap(limiter()).service(scope).route("/spend", web::get().to(plain));
    let app = init_service(app).await;
    for target in ["/out/in/free", "/out/x"] {
        assert_eq!(passing(&app, "GET", target, "", 3).await, 3, "{target}");
    }
    let mut dropped = Box::pin(app.call(with("/out/in/free", &[("x-wait", "1")]).to_request()));
    assert!(is_on_its_way(dropped.as_mut(), 1).await, "it has met the scope");
    drop(dropped);
    assert_eq!(passing(&app, "GET", "/spend", "", 9).await, 3, "nothing was taken");
    assert_eq!(passing(&app, "GET", "/out/x", "", 9).await, 9);
}

/// Middleware calls another app in place of the exempt route, before it awaits anything.
#[actix_web::test]
async fn an_exempt_request_within_another_one_does_not_hide_where_that_ends() {
    let other = init_service(App::new().wrap(limiter()).service(free)).await;
    assert_eq!(passing(&other, "GET", "/free", "", 3).await, 3);
    let other = Rc::new(other);
    let scope = web::scope("/in").service(free).wrap_fn(move |req, inner| -> LocalBoxFuture<'static, _> {
        if !req.headers().contains_key("x-a") {
            return Box::pin(inner.call(req));
        }
        let within = other.call(request("GET", "/free").to_request());
        Box::pin(async {
            let status = within.await?.status();
            Ok(req.into_response(HttpResponse::new(status)))
        })
    });
    let app = init_service(App::new().wrap(limiter()).service(scope)).await;
    assert_eq!(passing(&app, "GET", "/in/free", "", 9).await, 9);
    let passed = passing(&app, "GET", "/in/free", "x-a: 1", 9).await;
    assert!((3..=4).contains(&passed), "{passed}");
}

/// Those that have met the rule late need no credit for it. One that may go elsewhere has it, until that one has arrived.
#[actix_web::test]
async fn a_request_without_credit_ends_that_of_no_other() {
    let scope = web::scope("/v1").guard(guard::fn_guard(has_b)).exempt(Exempt::ALL);
    let app = App::new()
        .wrap(Whims)
        .wrap(limiter())
        .service(scope.route("/a", web::get().to(plain)).route("/b", web::get().to(plain)))
        .route("/{any}/b", web::get().to(pending::<&'static str>))
        .route("/spend", web::get().to(plain));
    let app = init_service(app).await;
    let ask_a = async || ask(&app, with("/v1/a", &[("x-wait", "1"), ("x-b", "1")])).await.status;
    assert_eq!([ask_a().await, ask_a().await], [200, 200]);
    assert_eq!(passing(&app, "GET", "/spend", "", 9).await, 3);
    let ask_b = || app.call(with("/v1/b", &[]).to_request());
    let mut astray = pin!(ask_b());
    assert!(is_on_its_way(astray.as_mut(), 1).await, "one may be free");
    assert!(!is_on_its_way(pin!(ask_b()), 1).await, "it is refused");
    assert_eq!(ask_a().await, 200);
    assert!(!is_on_its_way(pin!(ask_b()), 1).await, "the one is still on its way");
}
