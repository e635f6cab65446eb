//! The inspector: its interface, its protection, and its page in a browser.

mod changes;
mod description;
mod events;
mod options;
mod protection;
mod shown;

use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    get,
    http::{Method, header::HeaderValue},
    test::TestRequest,
};
use limiter_actix::{Access, Inspector, Limiter, LimiterBuilder, limit};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};
use serde_json::Value;

/// Whoever sends this name may do what it says: `viewer` or `changer`.
const OPERATOR: &str = "x-operator";

fn operators(req: &HttpRequest) -> Access {
    match req.headers().get(OPERATOR).map(HeaderValue::as_bytes) {
        Some(b"viewer") => Access::view("viewer"),
        Some(b"changer") => Access::change("changer"),
        _ => Access::denied(),
    }
}

fn inspector(limiter: &Limiter) -> Inspector {
    limiter.inspector("/limiter").authorize(operators)
}

fn build(builder: LimiterBuilder) -> Limiter {
    builder.build().expect("a limiter")
}

#[limit("2/hour", name = "searches")]
#[get("/search")]
async fn search() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[get("/plain")]
async fn plain() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// An app with the inspector, a limited route, and one with the default limits.
fn app(
    limiter: &Limiter,
) -> App<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new().wrap(limiter.clone()).service(inspector(limiter)).service(search).service(plain)
}

/// Views a part of the interface; returns its JSON.
async fn view<S, B>(app: &S, name: &str) -> Value
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let answer = view_as(app, "viewer", name).await;
    assert_eq!(answer.status, 200, "{name}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

async fn view_as<S, B>(app: &S, operator: &str, name: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let target = format!("/limiter/api/v1/{name}");
    ask(app, request("GET", &target).insert_header((OPERATOR, operator)).insert_header(("host", "localhost")))
        .await
}

/// A change by an operator who may.
fn change_request(body: &str) -> TestRequest {
    request(Method::POST.as_str(), "/limiter/api/v1/changes")
        .insert_header((OPERATOR, "changer"))
        .insert_header(("host", "localhost:8080"))
        .insert_header(("content-type", "application/json"))
        .set_payload(body.to_owned())
}

/// Makes a change; returns the status and the JSON.
async fn change<S, B>(app: &S, body: &str) -> (u16, Value)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let answer = ask(app, change_request(body)).await;
    (answer.status, serde_json::from_str(&answer.body).expect("JSON"))
}
