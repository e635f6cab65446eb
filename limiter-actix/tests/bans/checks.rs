//! Checks by hand of clients that are banned, or have a pass.

use std::sync::Arc;

use actix_web::{App, Error, HttpRequest, HttpResponse, test::init_service, web};
use futures_util::FutureExt;
use limiter_actix::{
    Ban, Exempt, Key, Limit, LimitCheck, Limiter, Quota, ScopeExt, key, resource,
    storage::{MemoryStorage, Storage},
};
use limiter_test_support::app::ask;

use crate::{HOUR, from, storages::Far};

const ALICE: &str = "192.0.2.1";

/// A handler that checks the limit `mails` by hand.
async fn send(limiter: web::Data<Limiter>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let window = limiter.check(&req, "mails").await?;
    let left = window.map_or("none".to_owned(), |window| window.remaining().to_string());
    Ok(HttpResponse::Ok().body(left))
}

fn build() -> Limiter {
    Limiter::builder().named_limit("mails", "2/hour").meta_limits("1/day").build().expect("a limiter")
}

async fn left(limiter: &Limiter) -> u64 {
    let client = Key::from(std::net::IpAddr::from([192, 0, 2, 1]));
    limiter.window("mails", &client).await.expect("it is known").remaining()
}

/// The defect: a check by hand let banned clients pass.
#[actix_web::test]
async fn a_check_refuses_a_banned_client_before_anything_is_counted() {
    let limiter = build();
    // Without the middleware, only the check can refuse.
    let data = web::Data::new(limiter.clone());
    let app = init_service(App::new().app_data(data).route("/", web::get().to(send))).await;
    limiter
        .ban("192.0.2.0/24".parse::<limiter_actix::BanTarget>().expect("one"), HOUR, "")
        .await
        .expect("a ban");
    for _ in 0..3 {
        let answer = ask(&app, from(ALICE)).await;
        let wait: u64 = answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("a wait");
        assert!(answer.status == 403 && (3500..=3600).contains(&wait), "{answer:?}");
    }
    assert_eq!(ask(&app, from("198.51.100.1")).await.status, 200, "another client");
    assert_eq!(left(&limiter).await, 2, "nothing is counted");
    assert!(
        limiter.unban("192.0.2.0/24".parse::<limiter_actix::BanTarget>().expect("one")).await.expect("one")
    );
    assert_eq!(ask(&app, from(ALICE)).await.body, "1");
}

#[actix_web::test]
async fn a_check_of_a_client_with_a_pass_counts_nothing() {
    let limiter = build();
    let data = web::Data::new(limiter.clone());
    let app = App::new().wrap(limiter.clone()).app_data(data).route("/", web::get().to(send));
    let app = init_service(app).await;
    limiter.allow(std::net::IpAddr::from([192, 0, 2, 1]), HOUR).await.expect("a pass");
    for _ in 0..3 {
        let answer = ask(&app, from(ALICE)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "none"));
    }
    assert_eq!(left(&limiter).await, 2);
}

#[actix_web::test]
async fn a_check_finds_the_key_of_its_limit() {
    let limiter = Limiter::builder()
        .named_limit("mails", Limit::new(Quota::per_hour(2)).key(key::header("x-user")))
        .build()
        .expect("a limiter");
    let app = App::new().app_data(web::Data::new(limiter.clone())).route("/", web::get().to(send));
    let app = init_service(app).await;
    limiter.ban(Key::text("header x-user", "eve"), HOUR, "").await.expect("a ban");
    for (user, status) in [("eve", 403), ("bob", 200)] {
        assert_eq!(ask(&app, from(ALICE).insert_header(("x-user", user))).await.status, status, "{user}");
    }
}

/// At an exempt route, the limiter has let the request pass without a state, or a limit of the route keeps one.
#[actix_web::test]
async fn a_check_at_an_exempt_route_counts_and_bans_nobody() {
    async fn send_later(limiter: web::Data<Limiter>, req: HttpRequest) -> Result<HttpResponse, Error> {
        // From here on, the request is no longer being called.
        actix_web::rt::task::yield_now().await;
        send(limiter, req).await
    }
    let limiter = build();
    let data = web::Data::new(limiter.clone());
    let exempt = |path| web::scope(path).exempt(Exempt::ALL);
    let app = App::new()
        .wrap(limiter.clone())
        .app_data(data)
        .service(exempt("/now").route("", web::get().to(send)))
        .service(exempt("/later").route("", web::get().to(send_later)))
        .service(
            exempt("/limited").service(limiter_actix::resource("/x", Quota::per_hour(9), |it| it.get(send))),
        )
        .service(web::scope("/partly").exempt(Exempt::DEFAULT).route("", web::get().to(send)));
    let app = init_service(app).await;
    let checks = async |path: &'static str| {
        limiter.clear("mails", &Key::from(std::net::IpAddr::from([192, 0, 2, 1]))).await.expect("it");
        let (first, second) =
            (ask(&app, from(ALICE).uri(path)).await, ask(&app, from(ALICE).uri(path)).await);
        [first, second].map(|answer| (answer.status, answer.body))
    };
    let counted = ["1", "0"].map(|left| (200, left.to_owned()));
    assert_eq!(checks("/now").await, counted, "before there is a ban");
    limiter.ban(std::net::IpAddr::from([192, 0, 2, 1]), HOUR, "").await.expect("a ban");
    for path in ["/now", "/later", "/limited/x"] {
        assert_eq!(checks(path).await, counted, "{path}");
    }
    assert_eq!(checks("/partly").await.map(|(status, _)| status), [403, 403]);
}

/// The response has the ban in the extensions of its request, as that of the middleware has.
#[actix_web::test]
async fn the_ban_is_in_the_request() {
    use actix_web::HttpMessage;

    let limiter = build();
    limiter.ban(std::net::IpAddr::from([192, 0, 2, 1]), HOUR, "spam").await.expect("a ban");
    let req = from(ALICE).to_http_request();
    let error = limiter.check(&req, "mails").await.expect_err("it is banned");
    assert_eq!(error.as_response_error().status_code(), 403);
    assert_eq!(req.extensions().get::<Ban>().map(Ban::reason), Some("spam"));
}

/// The limiter around the handler does not count by this key, so that only the check finds the ban.
#[actix_web::test]
async fn a_check_finds_the_key_of_its_limit_behind_the_limiter() {
    let limiter = Limiter::builder()
        .named_limit("mails", Limit::new(Quota::per_hour(2)).key(key::header("x-user")))
        .build()
        .expect("a limiter");
    let app = App::new()
        .wrap(limiter.clone())
        .app_data(web::Data::new(limiter.clone()))
        .route("/", web::get().to(send))
        .service(web::scope("/exempt").exempt(Exempt::ALL).route("", web::get().to(send)));
    let app = init_service(app).await;
    limiter.ban(Key::text("header x-user", "eve"), HOUR, "").await.expect("a ban");
    for (path, status) in [("/", 403), ("/exempt", 200)] {
        let eve = from(ALICE).insert_header(("x-user", "eve"));
        assert_eq!(ask(&app, eve.uri(path)).await.status, status, "{path}");
    }
}

/// The defect: a read of the bans counted as made when it began, so that a check meanwhile, or after one that was dropped,
/// knew no new ban.
#[actix_web::test]
async fn a_check_waits_for_the_read_of_an_earlier_one() {
    let (server, client) = (Arc::new(MemoryStorage::new()), std::net::IpAddr::from([192, 0, 2, 1]));
    let build = || Limiter::builder().storage(Far::to(&server)).named_limit("mails", "9/hour").build();
    for is_dropped in [false, true] {
        let (one, other) = (build().expect("a limiter"), build().expect("a limiter"));
        one.ban(client, HOUR, "").await.expect("a ban");
        let (first, second) = (from(ALICE).to_http_request(), from(ALICE).to_http_request());
        let mut earlier = Box::pin(other.check(&first, "mails"));
        assert!(earlier.as_mut().now_or_never().is_none(), "it reads the bans");
        let earlier = (!is_dropped).then_some(earlier);
        assert!(other.check(&second, "mails").await.is_err(), "dropped: {is_dropped}");
        if let Some(earlier) = earlier {
            assert!(earlier.await.is_err());
        }
    }
}

/// The defect: where handlers check all limits themselves, bans and passes of the keys of limits were not looked for.
#[actix_web::test]
async fn a_check_of_all_limits_finds_their_keys() {
    async fn checked(limits: LimitCheck) -> Result<HttpResponse, Error> {
        limits.check().await?;
        Ok(HttpResponse::Ok().finish())
    }
    let storages: [Arc<dyn Storage>; 2] = [Arc::new(MemoryStorage::new()), Arc::new(Far::default())];
    for storage in storages {
        let limiter = Limiter::builder().storage(storage).auto_check(false).build().expect("a limiter");
        let limit = Limit::new(Quota::per_hour(1)).key(key::header("x-user"));
        let app = App::new().wrap(limiter.clone()).service(resource("/", limit, |it| it.get(checked)));
        let app = init_service(app).await;
        limiter.ban(Key::text("header x-user", "eve"), HOUR, "").await.expect("a ban");
        limiter.allow(Key::text("header x-user", "auditor"), HOUR).await.expect("a pass");
        let status =
            async |user: &'static str| ask(&app, from(ALICE).insert_header(("x-user", user))).await.status;
        assert_eq!(status("eve").await, 403);
        assert_eq!([status("auditor").await, status("auditor").await], [200, 200]);
        assert_eq!([status("bob").await, status("bob").await], [200, 429]);
    }
}

/// There was no ban yet when the limiter let the request pass, without keeping anything of it.
#[actix_web::test]
async fn a_check_finds_a_ban_that_began_during_the_request() {
    async fn ban_and_send(limiter: web::Data<Limiter>, req: HttpRequest) -> Result<HttpResponse, Error> {
        if req.headers().contains_key("x-eve") {
            limiter.ban(std::net::IpAddr::from([192, 0, 2, 1]), HOUR, "").await.expect("a ban");
        }
        send(limiter, req).await
    }
    let without_meta = || Limiter::builder().named_limit("mails", "2/hour").build().expect("a limiter");
    for (build, exempt, expected) in [
        (build as fn() -> Limiter, Exempt::ALL, (200, 0)),
        (build, Exempt::DEFAULT, (403, 1)),
        (without_meta, Exempt::ALL, (200, 0)),
        (without_meta, Exempt::DEFAULT, (403, 1)),
    ] {
        let limiter = build();
        let data = web::Data::new(limiter.clone());
        let scope = web::scope("/scope").route("", web::get().to(ban_and_send));
        let app = App::new().wrap(limiter.clone()).app_data(data).service(scope.exempt(exempt));
        let app = init_service(app).await;
        let ask = async |name| ask(&app, from(ALICE).uri("/scope").insert_header((name, "1"))).await;
        assert_eq!(ask("x-alice").await.body, "1");
        let answer = ask("x-eve").await;
        assert_eq!((answer.status, left(&limiter).await), expected, "exempt from {exempt:?}");
    }
}
