//! A request that arrives under a rule by pattern shows that the rule holds, so that others need not wait for each other.

use std::{
    future::{Future, pending, poll_fn},
    pin::pin,
    task::Poll,
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    guard,
    http::{Uri, header::HeaderValue},
    middleware::{Next, NormalizePath, TrailingSlash, from_fn},
    rt::task::yield_now,
    test::init_service,
    web::{self, ServiceConfig},
};
use futures_util::future::join_all;
use limiter_actix::{Key, Limit, Quota};

use super::{
    super::{B, has_b, passing, plain, spend, still},
    Runs,
    at_once::{MANY, at_once},
    defer, drop_after, limited, with,
};

const HANGING: &str = "x-do: hang";
const REDIRECTING: &str = "x-do: redirect";

/// Responds with this status, and as the header wants it.
async fn respond(req: HttpRequest, mut response: actix_web::HttpResponseBuilder) -> HttpResponse {
    match req.headers().get("x-do").map(HeaderValue::as_bytes) {
        Some(b"hang") => pending().await,
        Some(b"redirect") => HttpResponse::Found().finish(),
        _ => response.finish(),
    }
}

async fn at_route(req: HttpRequest) -> HttpResponse {
    respond(req, HttpResponse::Ok()).await
}

async fn at_default_service(req: HttpRequest) -> HttpResponse {
    respond(req, HttpResponse::NotFound()).await
}

/// Sends one request, and then another while a third hangs at its handler. Returns the status of the second, if it does
/// not wait for the third.
async fn second_of<S, B>(app: &S, target: &str, first: &str) -> Option<u16>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    assert!(drop_after(app, with("GET", target, first), 9).await.is_some(), "nobody else is there");
    let mut hanging = pin!(app.call(with("GET", target, HANGING).to_request()));
    for _ in 0..9 {
        let is_pending = poll_fn(|cx| Poll::Ready(hanging.as_mut().poll(cx).is_pending())).await;
        assert!(is_pending, "it hangs");
    }
    drop_after(app, with("GET", target, ""), 9).await
}

#[actix_web::test]
async fn whatever_the_handler_responds() {
    for (target, first, status) in
        [("/static/x", "", 200), ("/static/x", REDIRECTING, 200), ("/static/no/such", "", 404)]
    {
        let limiter = still().application_limits("3/hour").exempt_scope("/static").build().unwrap();
        let app = init_service(
            App::new()
                .wrap(from_fn(defer))
                .wrap(limiter)
                .route("/static/{file}", web::get().to(at_route))
                .route("/spend", web::get().to(plain))
                .default_service(web::to(at_default_service)),
        )
        .await;
        spend(&app).await;
        assert_eq!(second_of(&app, target, first).await, Some(status), "{target} {first}");
    }
}

/// Responds by itself to what has a header.
async fn require_login<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    if req.headers().contains_key("x-stranger") {
        return Ok(req.into_response(HttpResponse::Unauthorized()).map_into_right_body());
    }
    next.call(req).await.map(ServiceResponse::map_into_left_body)
}

/// It responds before the path is changed, so nobody knows yet that the requests leave the exempt path.
#[actix_web::test]
async fn answers_of_middleware_show_nothing() {
    let runs = Runs::default();
    let limiter = still().application_limits("3/hour").exempt_route("/x").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(NormalizePath::new(TrailingSlash::Always))
            .wrap(from_fn(require_login))
            .wrap(limiter)
            .route("/x/", web::get().to(runs.take_a_while())),
    )
    .await;
    let stranger = drop_after(&app, with("GET", "/x", "x-stranger: 1"), 9).await;
    assert_eq!(stranger, Some(401));
    let many = join_all((0..200).map(|_| app.call(with("GET", "/x", "").to_request()))).await;
    let passed = many.into_iter().filter(|answer| answer.as_ref().is_ok_and(|it| it.status() == 200)).count();
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(runs.count(), passed);
    assert_eq!(passing(&app, "GET", "/x", "", 9).await, 0);
}

/// Only so many places are remembered, and those stay.
#[actix_web::test]
async fn however_many_arrive_elsewhere_afterwards() {
    const ROUTES: usize = 1_100;
    let limiter = still().application_limits("3/hour").exempt_scope("/").build().unwrap();
    let routes = |it: &mut ServiceConfig| {
        for number in 0..ROUTES {
            it.route(&format!("/r{number}"), web::get().to(at_route));
        }
    };
    let app = init_service(App::new().wrap(from_fn(defer)).wrap(limiter).configure(routes)).await;
    for number in 0..ROUTES {
        assert_eq!(passing(&app, "GET", &format!("/r{number}"), "", 1).await, 1);
    }
    let mut hanging = pin!(app.call(with("GET", "/r0", HANGING).to_request()));
    for _ in 0..9 {
        let is_pending = poll_fn(|cx| Poll::Ready(hanging.as_mut().poll(cx).is_pending())).await;
        assert!(is_pending, "it hangs");
    }
    assert_eq!(drop_after(&app, with("GET", "/r0", ""), 9).await, Some(200), "it does not wait");
}

/// The others await a function first, and then that the first one arrives.
#[actix_web::test]
async fn after_async_functions() {
    let by_user = Limit::new(Quota::per_hour(1000)).key_async(async |_: &_| {
        yield_now().await;
        Key::text("user", "ada")
    });
    let limiter = still().default_limits("3/hour").route("/x", by_user).build().unwrap();
    let app = App::new().wrap(from_fn(defer)).wrap(limiter).route("/x", web::get().to(plain));
    let app = init_service(app).await;
    assert_eq!(at_once(&app, "/x", "").await, MANY, "the limit of the route replaces the default one");
}

/// Both paths lead to one route at first. Middleware changes the other one.
#[actix_web::test]
async fn at_one_path_shows_nothing_of_another_under_another_rule() {
    async fn away<B: MessageBody>(
        mut req: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<B>, Error> {
        if req.path() == "/b" {
            req.match_info_mut().get_mut().update(&Uri::from_static("/b/"));
        }
        next.call(req).await
    }
    let runs = Runs::default();
    let limiter = still().application_limits("3/hour").exempt_route("/a").exempt_route("/b").build().unwrap();
    let app = App::new()
        .wrap(from_fn(away))
        .wrap(limiter)
        .route("/{id}", web::get().to(plain))
        .route("/b/", web::get().to(runs.take_a_while()));
    let app = init_service(app).await;
    assert_eq!(passing(&app, "GET", "/a", "", 5).await, 5);
    let passed = at_once(&app, "/b", "").await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(runs.count(), passed);
}

/// The rule covers only one of the places, and each request shows its own. So none waits for another.
#[actix_web::test]
async fn is_not_awaited_where_guards_decide() {
    let limiter = still().application_limits("3/hour").exempt_route("/z/{id}").build().unwrap();
    let app = App::new()
        .wrap(from_fn(defer))
        .wrap(limiter)
        .service(web::resource("/{any}/y").guard(guard::fn_guard(has_b)).to(plain))
        .service(web::resource(["/x/{id}", "/z/{id}"]).to(at_route));
    let app = init_service(app).await;
    let mut hanging = pin!(app.call(with("GET", "/x/y", HANGING).to_request()));
    for _ in 0..9 {
        let is_pending = poll_fn(|cx| Poll::Ready(hanging.as_mut().poll(cx).is_pending())).await;
        assert!(is_pending, "it hangs");
    }
    assert_eq!(drop_after(&app, with("GET", "/x/y", ""), 9).await, Some(200));
}

/// Where nothing between the limiter and the router can change a path, only guards lead it astray, and here none does.
#[actix_web::test]
async fn next_to_the_router_a_path_of_one_rule_waits_for_nobody() {
    let app = limited(still().application_limits("3/hour").exempt_route("/b"), |it| {
        it.service(web::resource(["/b", "/x"]).guard(guard::fn_guard(has_b)).to(plain))
            .route("/{id}", web::get().to(at_route));
    })
    .await;
    let mut hanging = pin!(app.call(with("GET", "/x", HANGING).to_request()));
    let is_pending = poll_fn(|cx| Poll::Ready(hanging.as_mut().poll(cx).is_pending())).await;
    assert!(is_pending, "it hangs where the rule does not hold");
    assert_eq!(drop_after(&app, with("GET", "/b", B), 9).await, Some(200));
}

/// Each rule lets a request through, whatever requests under another one do.
#[actix_web::test]
async fn is_not_awaited_for_another_rule() {
    let limiter = still().application_limits("3/hour").exempt_route("/a").exempt_route("/b");
    let app = App::new()
        .wrap(from_fn(defer))
        .wrap(limiter.build().unwrap())
        .route("/a", web::get().to(at_route))
        .route("/b", web::get().to(at_route));
    let app = init_service(app).await;
    let mut hanging = pin!(app.call(with("GET", "/a", HANGING).to_request()));
    for _ in 0..9 {
        let is_pending = poll_fn(|cx| Poll::Ready(hanging.as_mut().poll(cx).is_pending())).await;
        assert!(is_pending, "it hangs");
    }
    assert_eq!(drop_after(&app, with("GET", "/b", ""), 9).await, Some(200));
}
