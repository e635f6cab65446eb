//! An app in which all is well logs no misconfiguration.

use actix_web::{App, Error, HttpMessage, HttpResponse, dev::Service, get, test::init_service, web};
use limiter_actix::{
    Key, Limit, LimitCheck, Limiter, Quota, ScopeExt, TrustedProxies, exempt, key, key::KeyExt, limit,
    resource,
};
use limiter_test_support::{
    app::{ask, request},
    log,
};

struct User(&'static str);

#[limit("500/hour", name = "searches", methods = ["GET"])]
#[get("/search")]
async fn search() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[exempt]
#[get("/health")]
async fn health() -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn item(_: web::Path<String>) -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn checked(check: LimitCheck) -> Result<HttpResponse, Error> {
    check.check().await?;
    Ok(HttpResponse::Ok().finish())
}

/// Returns the codes of the documentation.
fn codes() -> Vec<&'static str> {
    let rows = include_str!("../../../docs/log-codes.md").lines();
    rows.filter_map(|row| row.strip_prefix("| [")?.split_once(']').map(|(code, _)| code)).collect()
}

#[actix_web::test]
async fn nothing_with_a_code_is_logged() {
    log::capture();
    let user = key::extension(|user: &User| Key::text("user", user.0));
    let nginx = TrustedProxies::x_forwarded_for().networks(["10.0.0.1"]);
    let limiter = Limiter::builder()
        .trusted_proxies(nginx.clone())
        .key(user.or_else(key::header("x-api-key")))
        .default_limits("1000/hour")
        .application_limits("100000/day")
        .route("GET /search", Limit::new(Quota::per_minute(1000)).override_defaults(false))
        .route("/items/{number}", "500/hour")
        .scope("/api", Limit::new(Quota::per_hour(900)).override_defaults(false))
        .build()
        .expect("a limiter");
    let by_hand = Limiter::builder()
        .trusted_proxies(nginx)
        .auto_check(false)
        .default_limits("1000/day")
        .build()
        .expect("a limiter");
    let app = App::new()
        .service(search)
        .service(health)
        .route("/items/{id}", web::get().to(item))
        .service(web::scope("/api").limit("2000/day").route("/a", web::get().to(HttpResponse::Ok)))
        .service(resource("/burst", Limit::new(Quota::per_second(999)).name("burst"), |it| {
            it.to(HttpResponse::Ok)
        }))
        .service(web::scope("/checked").wrap(by_hand).route("", web::get().to(checked)))
        .wrap(limiter)
        .wrap_fn(|req, next| {
            if req.headers().contains_key("x-session") {
                req.extensions_mut().insert(User("alice"));
            }
            next.call(req)
        });
    let app = init_service(app).await;
    for number in 0..300 {
        for path in ["/search", "/health", "/items/7", "/api/a", "/burst", "/checked", "/missing"] {
            let client = format!("192.0.2.{}", number % 250);
            let mut request = request("GET", path)
                .peer_addr(([10, 0, 0, 1], 40_000).into())
                .insert_header(("x-forwarded-for", client));
            if number % 3 == 0 {
                request = request.insert_header(("x-session", "1"));
            } else if number % 3 == 1 {
                request = request.insert_header(("x-api-key", format!("key {number}")));
            }
            let status = ask(&app, request).await.status;
            assert_eq!(status, if path == "/missing" { 404 } else { 200 }, "{path}");
        }
    }
    let codes = codes();
    assert!(codes.len() > 40 && codes.contains(&"L066"), "{codes:?}");
    for code in codes {
        assert_eq!(log::here(code), Vec::<String>::new(), "{code}");
    }
}
