//! A limited handler is found by the same name as a plain one.

use actix_web::{
    App, HttpRequest, Responder, get, route,
    test::{TestRequest, call_and_read_body, init_service},
};
use limiter_actix::{exempt, limit};

#[limit("5/minute")]
#[limit("10/hour")]
#[get("/items/{id}")]
async fn item(req: HttpRequest) -> impl Responder {
    let url = |name, id: &str| req.url_for(name, [id]).unwrap().path().to_owned();
    [url("item", "7"), url("other", "8")].join(" ")
}

#[exempt]
#[route("/others/{id}", name = "other", method = "GET", method = "PURGE")]
async fn with_name() -> impl Responder {
    "other"
}

#[actix_web::test]
async fn passes() {
    let app = init_service(App::new().service(item).service(with_name)).await;
    let request = TestRequest::get().uri("/items/1").to_request();
    assert_eq!(call_and_read_body(&app, request).await, "/items/7 /others/8");
}
