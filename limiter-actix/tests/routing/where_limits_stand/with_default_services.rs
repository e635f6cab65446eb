//! A path that a scope has taken and its default service answers is inside that scope.

use actix_web::{App, HttpResponse, test::init_service, web};
use limiter_actix::{Exempt, ScopeExt, resource};
use limiter_test_support::app::get;

use super::{
    super::{app, passing, plain, spend, still},
    admitted, limited, nothing, per_hour,
};

#[actix_web::test]
async fn an_exempt_scope_always_answers() {
    let app = app(|it| {
        it.service(web::scope("/assets").exempt(Exempt::ALL).default_service(web::to(plain)));
    })
    .await;
    spend(&app).await;
    for target in ["/assets/x", "/assets/a/b/c", "/assets", "/assets/"] {
        assert_eq!(passing(&app, "GET", target, "", 5).await, 5, "{target}");
    }
    assert_eq!(get(&app, "/asset").await, 429);
}

#[actix_web::test]
async fn an_exempt_scope_takes_nothing() {
    let app = app(|it| {
        it.service(web::scope("/assets").exempt(Exempt::ALL).default_service(web::to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/assets/x", "", 5).await, 5);
    spend(&app).await;
}

#[actix_web::test]
async fn an_exempt_scope_that_answers_404_always_answers() {
    let app = app(|it| {
        it.service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain)));
    })
    .await;
    spend(&app).await;
    assert_eq!(admitted(&app, "GET", "/v1/unknown", "", 5).await, 5);
    assert_eq!(admitted(&app, "POST", "/v1/x", "", 5).await, 5);
}

#[actix_web::test]
async fn an_exempt_scope_lends_its_exemption_to_the_default_service_of_the_app() {
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(limiter)
            .route("/spend", web::get().to(plain))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain)))
            .default_service(web::to(plain)),
    )
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/v1/unknown", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/unknown", "", 5).await, 0);
}

#[actix_web::test]
async fn a_scope_inside_an_exempt_one_always_answers() {
    let app = app(|it| {
        it.service(
            web::scope("/v1/{org}")
                .service(web::scope("/in").default_service(web::to(plain)))
                .exempt(Exempt::ALL),
        );
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/v1/o/in/x", "", 5).await, 5);
    assert_eq!(admitted(&app, "GET", "/v1/o/out", "", 5).await, 5);
}

#[actix_web::test]
async fn a_limited_scope_replaces_the_defaults() {
    let app = limited(still().default_limits("1/hour"), |it| {
        it.service(web::scope("/assets").limit(per_hour(3)).default_service(web::to(plain)))
            .service(web::scope("/others").limit(per_hour(2)).default_service(web::to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/assets/x", "", 5).await, 3);
    assert_eq!(passing(&app, "GET", "/others/x", "", 5).await, 2, "apart from the other scope");
    assert_eq!(admitted(&app, "GET", "/unknown", "", 5).await, 1);
}

#[actix_web::test]
async fn a_scope_in_a_closed_one_is_closed() {
    let app =
        limited(still(), |it| {
            it.service(web::scope("/v1").limit(nothing()).service(
                web::scope("/in").default_service(web::to(plain)).route("/x", web::get().to(plain)),
            ));
        })
        .await;
    assert_eq!(passing(&app, "GET", "/v1/in/x", "", 2).await, 0);
    assert_eq!(passing(&app, "GET", "/v1/in/unknown", "", 2).await, 0);
    assert_eq!(admitted(&app, "GET", "/v1/unknown", "", 2).await, 0);
}

#[actix_web::test]
async fn a_scope_exempted_by_its_prefix_always_answers() {
    let app = limited(still().application_limits("3/hour").exempt_scope("/assets"), |it| {
        it.service(web::scope("/assets").default_service(web::to(plain)))
            .route("/spend", web::get().to(plain));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/assets/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/assets", "", 5).await, 5);
}

#[actix_web::test]
async fn an_exempt_resource_always_answers_other_methods() {
    let app = app(|it| {
        it.service(resource("/x", Exempt::ALL, |it| {
            it.route(web::get().to(plain)).default_service(web::to(plain))
        }))
        .service(resource("/y", Exempt::ALL, |it| it.route(web::get().to(plain))));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "POST", "/x", "", 5).await, 5);
    assert_eq!(admitted(&app, "POST", "/y", "", 5).await, 5, "405");
}

#[actix_web::test]
async fn a_default_service_outside_of_an_exempt_scope_is_limited() {
    let app = app(|it| {
        it.service(
            web::scope("/v1")
                .service(web::scope("/free").exempt(Exempt::ALL).route("/x", web::get().to(plain)))
                .default_service(web::to(HttpResponse::Ok)),
        );
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/freedom", "", 5).await, 3);
    assert_eq!(admitted(&app, "GET", "/v1/free/y", "", 5).await, 5);
}
