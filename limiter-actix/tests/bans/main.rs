//! Bans and passes by hand, and the clients that may deserve one.

mod alone;
mod by_rule;
mod checks;
mod errors;
mod outages;
mod processes;
mod requests;
mod responses;
mod storages;
mod targets;
mod top;

use std::{net::IpAddr, time::Duration};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};
use limiter_actix::Limiter;
use limiter_test_support::{app::ask, client::Answer};

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// Builds an app with the route `/` behind a limiter.
fn app(limiter: &Limiter) -> impl Future<Output = impl TestService + use<>> + use<> {
    let limiter = limiter.clone();
    async move { init_service(App::new().wrap(limiter).route("/", web::get().to(ok))).await }
}

/// The service of an app behind a limiter.
trait TestService: Service<Request, Response = ServiceResponse<TestBody>, Error = Error> {}

type TestBody = EitherBody<BoxBody>;

impl<S: Service<Request, Response = ServiceResponse<TestBody>, Error = Error>> TestService for S {}

/// A request from this address.
fn from(address: &str) -> TestRequest {
    let address: IpAddr = address.parse().expect("an address");
    TestRequest::get().uri("/").peer_addr((address, 40_000).into())
}

/// Requests `/` from this address; returns the status.
async fn get_from<S, B>(app: &S, address: &str) -> u16
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    answer_to(app, address).await.status
}

async fn answer_to<S, B>(app: &S, address: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    ask(app, from(address)).await
}
