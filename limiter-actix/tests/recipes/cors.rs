//! Scripts from other origins.

use std::{io, net::TcpListener};

use actix_cors::Cors;
use actix_web::{App, HttpServer, Responder, dev::Server, get};
use limiter_actix::Limiter;

#[get("/")]
async fn index() -> impl Responder {
    "hello"
}

fn server(listener: TcpListener) -> io::Result<Server> {
    let limiter =
        Limiter::builder().default_limits("2/hour").headers(true).build().map_err(io::Error::other)?;
    let app = move || {
        let cors = Cors::default()
            .allowed_origin("https://shop.example")
            .allowed_methods(["GET", "POST"])
            .expose_headers(limiter.exposed_headers());
        App::new().service(index).wrap(limiter.clone()).wrap(cors)
    };
    Ok(HttpServer::new(app).listen(listener)?.run())
}

mod test {
    use limiter_test_support::{client::Client, server::serve};

    #[test]
    fn preflights_pass_and_refusals_can_be_read() {
        let server = serve(super::server);
        let mut client = Client::connect(server.address);
        let origin = ("origin", "https://shop.example");
        let before = [origin, ("access-control-request-method", "GET")];
        for expected in [200, 200, 429] {
            assert_eq!(client.ask("OPTIONS", "/", &before).status, 200);
            let answer = client.ask("GET", "/", &[origin]);
            assert_eq!(answer.status, expected);
            assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
            let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
            let exposed = exposed.to_ascii_lowercase();
            assert!(
                exposed.contains("retry-after") && exposed.contains("x-ratelimit-remaining"),
                "{exposed}"
            );
        }
    }
}
