//! An app with five requests a minute.

use std::{io, net::TcpListener};

use actix_web::{App, HttpServer, dev::Server};
use limiter_actix::{BuildError, Limiter, LimiterBuilder};

/// Five requests per minute and client address.
fn limiter(builder: LimiterBuilder) -> Result<Limiter, BuildError> {
    builder.application_limits("5/minute").headers(true).build()
}

fn server(listener: TcpListener) -> io::Result<Server> {
    let limiter = limiter(Limiter::builder()).map_err(io::Error::other)?;
    Ok(HttpServer::new(move || App::new().wrap(limiter.clone())).listen(listener)?.run())
}

mod test {
    use limiter_test_support::{client::Client, server::serve};

    #[test]
    fn five_pass_and_paths_without_a_route_count() {
        let server = serve(super::server);
        let mut client = Client::connect(server.address);
        let first = client.get("/");
        assert_eq!((first.status, first.header("x-ratelimit-remaining")), (404, Some("4")));
        let statuses: Vec<_> = (0..5).map(|_| client.get("/").status).collect();
        assert_eq!(statuses, [404, 404, 404, 404, 429]);
    }
}
