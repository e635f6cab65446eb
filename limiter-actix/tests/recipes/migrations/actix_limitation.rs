//! An app that counts by a cookie.

use std::{io, net::TcpListener};

use actix_web::{App, HttpServer, Responder, dev::Server, get, web};
use limiter_actix::{BuildError, Limiter, LimiterBuilder, key};

#[get("/{id}/{name}")]
async fn index(info: web::Path<(u32, String)>) -> impl Responder {
    format!("Hello {}! id:{}", info.1, info.0)
}

/// 5000 requests an hour for each value of the cookie, and for each address without one.
fn limiter(builder: LimiterBuilder) -> Result<Limiter, BuildError> {
    builder.key(key::cookie("rate-api-id")).application_limits("5000/hour").build()
}

fn server(listener: TcpListener) -> io::Result<Server> {
    let limiter = limiter(Limiter::builder()).map_err(io::Error::other)?;
    Ok(HttpServer::new(move || App::new().wrap(limiter.clone()).service(index)).listen(listener)?.run())
}

mod test {
    use std::sync::Arc;

    use actix_web::test::{TestRequest, init_service};
    use limiter_actix::{Clock, CurrentLimits, ManualClock, SystemClock};
    use limiter_test_support::{client::Client, server::serve};

    use super::*;

    #[actix_web::test]
    async fn each_value_of_the_cookie_has_a_count() {
        let clock = Arc::new(ManualClock::new(SystemClock::new().now()));
        let limiter = limiter(Limiter::builder().clock(clock)).expect("a limiter");
        let app = init_service(App::new().wrap(limiter).service(index)).await;
        let mut left = Vec::new();
        for cookie in ["a", "a", "b"] {
            let request =
                TestRequest::get().uri("/1/alice").insert_header(("cookie", format!("rate-api-id={cookie}")));
            let response = actix_web::test::call_service(&app, request.to_request()).await;
            left.extend(CurrentLimits::of(response.request()).iter().map(|limit| limit.window().remaining()));
        }
        assert_eq!(left, [4999, 4998, 4999]);
    }

    #[test]
    fn the_server_answers() {
        let server = serve(super::server);
        assert_eq!(Client::connect(server.address).get("/1/alice").body, "Hello alice! id:1");
    }
}
