//! A scope has nothing inside that was registered before it.

use actix_files::Files;
use actix_web::{get, post, web};
use limiter_actix::{Exempt, ScopeExt, exempt, limit};
use limiter_test_support::{app::get as status, log};

use super::{
    super::{app, passing, plain, spend, still},
    admitted, limited, nothing, per_hour,
};

#[exempt]
#[get("/api/health")]
async fn health() -> &'static str {
    "ok"
}

#[limit("2/hour")]
#[post("/api/login")]
async fn login() -> &'static str {
    "ok"
}

#[actix_web::test]
async fn an_exempt_route_before_a_limited_scope_always_answers() {
    log::capture();
    let app = app(|it| {
        it.service(health).service(web::scope("/api").limit(per_hour(100)).route("/x", web::get().to(plain)));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/api/health", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/api/x", "", 5).await, 0, "the application limit holds here");
    assert_eq!(passing(&app, "GET", "/api/health", "", 5).await, 5);
    assert_eq!(log::here("L009"), Vec::<String>::new(), "no guard stands here");
}

#[actix_web::test]
async fn an_exempt_route_before_a_limited_scope_takes_nothing() {
    let app = limited(still().application_limits("1/hour"), |it| {
        it.service(health).service(web::scope("/api").limit(per_hour(100)).route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/api/health", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/api/x", "", 5).await, 1);
    assert_eq!(passing(&app, "GET", "/api/health", "", 5).await, 5);
}

#[actix_web::test]
async fn a_plain_route_before_a_closed_scope_is_open() {
    let app = limited(still(), |it| {
        it.route("/api/login", web::post().to(plain))
            .service(web::scope("/api").limit(nothing()).route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "POST", "/api/login", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/api/x", "", 5).await, 0);
    assert_eq!(admitted(&app, "GET", "/api/login", "", 5).await, 0, "the scope answers this method");
    assert_eq!(passing(&app, "POST", "/api/login", "", 5).await, 5);
}

#[actix_web::test]
async fn a_limited_route_before_a_closed_scope_has_its_own_limit() {
    let app = limited(still(), |it| {
        it.service(login).service(web::scope("/api").limit(nothing()).route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "POST", "/api/login", "", 5).await, 2);
    assert_eq!(admitted(&app, "GET", "/api/login", "", 5).await, 0, "the scope answers this method");
}

#[actix_web::test]
async fn a_route_that_adds_to_the_defaults_does_not_add_to_a_later_scope() {
    #[limit("4/hour", override_defaults = false)]
    #[get("/api/add")]
    async fn add() -> &'static str {
        "ok"
    }
    let app = limited(still().default_limits("3/hour"), |it| {
        it.service(add).service(web::scope("/api").limit(per_hour(1)).route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/api/add", "", 5).await, 3, "the default limit, and not the scope's");
}

#[actix_web::test]
async fn a_parameter_before_a_closed_scope_is_open() {
    let app = limited(still(), |it| {
        it.route("/api/{id}", web::get().to(plain))
            .service(web::scope("/api").limit(nothing()).route("/{id}/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/api/7", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/api/7/x", "", 5).await, 0);
}

#[actix_web::test]
async fn the_prefix_itself_before_a_closed_scope_is_open() {
    let app = limited(still(), |it| {
        it.route("/api", web::get().to(plain))
            .service(web::scope("/api").limit(nothing()).route("", web::post().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/api", "", 5).await, 5);
    assert_eq!(passing(&app, "POST", "/api", "", 5).await, 0);
}

#[actix_web::test]
async fn a_plain_route_before_a_closed_scope_in_a_scope_is_open() {
    let app = limited(still(), |it| {
        it.service(web::scope("/v1/{org}").configure(|it| {
            it.route("/admin/x", web::get().to(plain))
                .service(web::scope("/admin").limit(nothing()).route("/y", web::get().to(plain)));
        }));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/o/admin/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/v1/o/admin/y", "", 5).await, 0);
}

#[actix_web::test]
async fn a_plain_scope_before_a_closed_one_is_open() {
    let app = limited(still(), |it| {
        it.service(web::scope("/api").route("/x", web::get().to(plain)))
            .service(web::scope("/api").limit(nothing()).route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/api/x", "", 5).await, 5);
    assert_eq!(admitted(&app, "GET", "/api/unknown", "", 5).await, 5, "the first scope answers this, too");
}

#[actix_web::test]
async fn a_plain_scope_before_a_closed_one_of_a_shorter_prefix_is_open() {
    let app = limited(still(), |it| {
        it.service(web::scope("/api/open").route("/x", web::get().to(plain)))
            .service(web::scope("/api").limit(nothing()).route("/open/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/api/open/x", "", 5).await, 5);
    assert_eq!(admitted(&app, "GET", "/api/open/y", "", 5).await, 5);
    assert_eq!(admitted(&app, "GET", "/api/other", "", 5).await, 0);
}

#[actix_web::test]
async fn static_files_before_a_closed_scope_are_open() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/routing");
    let app = limited(still(), |it| {
        it.service(Files::new("/api/files", folder))
            .service(web::scope("/api").limit(nothing()).route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/api/files/main.rs", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/api/x", "", 5).await, 0);
}

#[actix_web::test]
async fn routes_before_a_closed_scope_without_a_prefix_are_open() {
    let app = limited(still(), |it| {
        it.route("/x", web::get().to(plain))
            .service(web::scope("").limit(nothing()).route("/y", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/y", "", 5).await, 0);
    assert_eq!(admitted(&app, "GET", "/z", "", 5).await, 0, "the scope has taken all that is left");
}

#[actix_web::test]
async fn a_plain_route_before_an_exempt_scope_is_not_exempt() {
    let app = app(|it| {
        it.route("/static/admin", web::get().to(plain))
            .service(web::scope("/static").exempt(Exempt::ALL).route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/static/admin", "", 5).await, 3);
    assert_eq!(status(&app, "/spend").await, 429);
    assert_eq!(passing(&app, "GET", "/static/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/static/admin", "", 5).await, 0);
}

#[actix_web::test]
async fn a_plain_route_before_a_scope_with_a_greater_limit_keeps_the_defaults() {
    let app = limited(still().default_limits("1/hour"), |it| {
        it.route("/api/x", web::get().to(plain))
            .service(web::scope("/api").limit(per_hour(100)).route("/y", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/api/x", "", 5).await, 1);
    assert_eq!(passing(&app, "GET", "/api/y", "", 5).await, 5);
}

#[actix_web::test]
async fn an_exempt_route_after_a_limited_scope_is_never_reached() {
    let app = limited(still(), |it| {
        it.service(web::scope("/api").limit(per_hour(2)).route("/x", web::get().to(plain))).service(health);
    })
    .await;
    assert_eq!(admitted(&app, "GET", "/api/health", "", 9).await, 2, "the scope answers 404");
}
