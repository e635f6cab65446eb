//! Services that take all paths under their own, such as static files.

use actix_files::Files;
use actix_web::{App, HttpRequest, test::init_service, web};
use limiter_actix::{Exempt, Limit, Quota, ScopeExt};

use super::{app, passing, plain, spend, still};

/// The folder of this file.
fn files(mount: &str) -> Files {
    Files::new(mount, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/routing"))
}

#[actix_web::test]
async fn files_exempted_by_prefix() {
    let limiter = still().application_limits("3/hour").exempt_scope("/static").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(limiter)
            .service(files("/static"))
            .service(files("/others"))
            .route("/spend", web::get().to(plain)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/static/static_files.rs", "", 5).await, 5);
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/static/static_files.rs", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/others/static_files.rs", "", 5).await, 0);
}

#[actix_web::test]
async fn files_in_an_exempt_scope() {
    for mount in ["/files", "/", ""] {
        let app = app(|it| {
            it.service(web::scope("/static").service(files(mount)).exempt(Exempt::ALL));
        })
        .await;
        spend(&app).await;
        let target = format!("/static{}/static_files.rs", mount.trim_end_matches('/'));
        assert_eq!(passing(&app, "GET", &target, "", 5).await, 5, "{mount:?}");
    }
}

#[actix_web::test]
async fn files_in_a_limited_scope() {
    for mount in ["/files", "/", ""] {
        let app = app(|it| {
            it.service(web::scope("/static").service(files(mount)).limit(Limit::new(Quota::per_hour(2))));
        })
        .await;
        let target = |name: &str| format!("/static{}/{name}", mount.trim_end_matches('/'));
        assert_eq!(passing(&app, "GET", &target("static_files.rs"), "", 1).await, 1, "{mount:?}");
        assert_eq!(passing(&app, "GET", &target("hidden_rules.rs"), "", 5).await, 1, "{mount:?}");
    }
}

#[actix_web::test]
async fn files_before_an_exempt_scope_of_their_prefix() {
    let app = app(|it| {
        it.service(files("/v1/files"))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain)));
    })
    .await;
    spend(&app).await;
    assert!(passing(&app, "GET", "/v1/files/static_files.rs", "", 5).await <= 1);
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 5);
}

#[actix_web::test]
async fn files_beside_a_scope_of_the_same_path() {
    let app = app(|it| {
        it.service(files("/v1"))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("", web::get().to(plain)));
    })
    .await;
    spend(&app).await;
    assert!(passing(&app, "GET", "/v1/static_files.rs", "", 5).await <= 1);
}

#[actix_web::test]
async fn files_at_the_root_before_an_exempt_scope() {
    async fn any(req: HttpRequest) -> String {
        req.path().to_owned()
    }
    let app = app(|it| {
        it.service(files("/").default_handler(web::to(any)))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain)));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 0, "the files answer");
}
