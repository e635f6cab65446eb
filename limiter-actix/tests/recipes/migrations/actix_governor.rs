//! An app with bursts, by GCRA.

use std::{io, net::TcpListener};

use actix_web::{App, HttpServer, Responder, dev::Server, web};
use limiter_actix::{BuildError, Limit, Limiter, LimiterBuilder, Quota, Strategy};

async fn index() -> impl Responder {
    "Hello world!"
}

/// Bursts of up to five requests per address, and two more in each second.
fn limiter(builder: LimiterBuilder) -> Result<Limiter, BuildError> {
    let limit = Limit::new(Quota::per_second(2)).strategy(Strategy::TokenBucket).burst(5);
    builder.application_limits(limit).build()
}

fn server(listener: TcpListener) -> io::Result<Server> {
    let limiter = limiter(Limiter::builder()).map_err(io::Error::other)?;
    let app = move || App::new().wrap(limiter.clone()).route("/", web::get().to(index));
    Ok(HttpServer::new(app).listen(listener)?.run())
}

mod test {
    use std::{sync::Arc, time::Duration};

    use limiter_actix::{Clock, ManualClock, SystemClock};
    use limiter_test_support::{client::Client, server::serve};

    use super::*;
    use crate::{app_with, passing_from};

    #[actix_web::test]
    async fn five_pass_at_once_and_two_more_each_second() {
        let clock = Arc::new(ManualClock::new(SystemClock::new().now()));
        let app = app_with(limiter(Limiter::builder().clock(clock.clone())).expect("a limiter")).await;
        assert_eq!(passing_from(&app, "192.0.2.1", "/", 9).await, 5);
        assert_eq!(passing_from(&app, "192.0.2.2", "/", 9).await, 5);
        clock.advance(Duration::from_secs(1));
        assert_eq!(passing_from(&app, "192.0.2.1", "/", 9).await, 2);
    }

    #[test]
    fn the_server_answers() {
        let server = serve(super::server);
        assert_eq!(Client::connect(server.address).get("/").body, "Hello world!");
    }
}
