//! A refusal before routing is final where the request can arrive nowhere else: nothing inside the limiter runs.

use actix_web::{App, dev::Service, get, test::init_service, web};
use limiter_actix::limit;

use super::{
    super::{passing, plain, still},
    Runs,
};

#[limit("2/hour")]
#[get("/x")]
async fn limited() -> &'static str {
    "ok"
}

/// The attribute takes all that comes there, so that the patterns behind it are no way around it.
#[actix_web::test]
async fn a_route_before_other_patterns() {
    for in_scope in [false, true] {
        let runs = Runs::default();
        let counted = runs.clone();
        let app = App::new()
            .wrap_fn(move |req, inner| {
                counted.add();
                inner.call(req)
            })
            .wrap(still().build().unwrap());
        let target = if in_scope { "/v1/x" } else { "/x" };
        let app = app.configure(|it| {
            if in_scope {
                it.service(web::scope("/v1").service(limited).route("/{id}", web::get().to(plain)));
            } else {
                it.service(limited).route("/{id}", web::get().to(plain));
            }
        });
        let app = init_service(app).await;
        assert_eq!(passing(&app, "GET", target, "", 9).await, 2, "{target}");
        assert_eq!(runs.count(), 2, "{target}: those that are refused do not get so far");
    }
}

/// What follows outside of the scope may still take the request, since a guard may keep it from the scope.
#[actix_web::test]
async fn a_route_in_a_scope_before_other_patterns_outside() {
    let app = App::new()
        .wrap(still().build().unwrap())
        .service(web::scope("/v1").guard(actix_web::guard::Host("old")).service(limited))
        .route("/v1/{id}", web::get().to(plain));
    let app = init_service(app).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "host: old", 9).await, 2);
    assert_eq!(passing(&app, "GET", "/v1/x", "host: new", 9).await, 9);
}
