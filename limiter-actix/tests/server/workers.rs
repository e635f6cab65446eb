//! Limiters that are made once for each worker count once for each server.

use std::{io, net::TcpListener, time::Duration};

use actix_web::{App, HttpServer, dev, get, web};
use limiter_actix::{Limiter, limit};
use limiter_test_support::{
    client::get_at_once,
    server::{Runtime, serve, serve_on},
};

use crate::count;

#[limit("20/minute")]
#[get("/")]
async fn index() -> &'static str {
    "ok"
}

/// The time that a connection has to send. Clients connect one after the other before the first of them does.
const PATIENCE: Duration = Duration::from_secs(60);

fn made_in_the_factory(listener: TcpListener) -> io::Result<dev::Server> {
    let server = HttpServer::new(|| App::new().wrap(Limiter::default()).service(index));
    let server = server.client_request_timeout(PATIENCE);
    Ok(server.workers(8).listen(listener)?.run())
}

fn built_in_the_factory(listener: TcpListener) -> io::Result<dev::Server> {
    let server = HttpServer::new(|| {
        let limiter = Limiter::builder().default_limits("20/minute").build().expect("a limiter");
        App::new().wrap(limiter).route("/", web::get().to(async || "ok"))
    });
    let server = server.client_request_timeout(PATIENCE);
    Ok(server.workers(8).listen(listener)?.run())
}

#[test]
fn default_limiters_in_the_factory_share_counts() {
    for runtime in [Runtime::Actix, Runtime::Tokio] {
        let server = serve_on(runtime, made_in_the_factory);
        let statuses = get_at_once(server.address, "/", 500);
        assert_eq!((count(&statuses, 200), count(&statuses, 429)), (20, 480), "{runtime:?}");
    }
}

#[test]
fn limiters_built_in_the_factory_share_counts() {
    for runtime in [Runtime::Actix, Runtime::Tokio] {
        let server = serve_on(runtime, built_in_the_factory);
        let statuses = get_at_once(server.address, "/", 300);
        assert_eq!((count(&statuses, 200), count(&statuses, 429)), (20, 280), "{runtime:?}");
    }
}

#[test]
fn two_servers_in_one_process_share_nothing() {
    let servers = [serve(made_in_the_factory), serve(made_in_the_factory)];
    for server in servers {
        let statuses = get_at_once(server.address, "/", 100);
        assert_eq!(count(&statuses, 200), 20);
    }
}

#[test]
fn two_servers_of_one_runtime_with_their_own_prefixes_share_nothing() {
    let servers = [Runtime::Tokio, Runtime::Tokio].map(|runtime| {
        serve_on(runtime, |listener| {
            let limiter = Limiter::default();
            let server = HttpServer::new(move || App::new().wrap(limiter.clone()).service(index));
            Ok(server.workers(2).listen(listener)?.run())
        })
    });
    for server in servers {
        let statuses = get_at_once(server.address, "/", 50);
        assert_eq!(count(&statuses, 200), 20);
    }
}

/// Two addresses of one server are one server.
#[test]
fn two_addresses_of_a_server_share() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = other.local_addr().expect("a listener has an address");
    let server = serve(move |listener| {
        let server = HttpServer::new(|| App::new().wrap(Limiter::default()).service(index));
        Ok(server.workers(2).listen(listener)?.listen(other)?.run())
    });
    let mut statuses = get_at_once(server.address, "/", 30);
    statuses.extend(get_at_once(address, "/", 30));
    assert_eq!(count(&statuses, 200), 20);
}
