//! One socket for IPv4 and IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use actix_web::{App, HttpResponse, HttpServer, web};
use limiter_actix::Limiter;
use limiter_test_support::{
    client::Client,
    server::{Server, serve},
};

/// A listener on `[::]` that takes IPv4 connections too, whatever the system's default is.
pub(crate) fn listen() -> (TcpListener, u16) {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).expect("the system has IPv6");
    socket.set_only_v6(false).expect("a socket can be for both");
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).expect("a port is free");
    socket.listen(64).expect("the socket listens");
    let listener = TcpListener::from(socket);
    let port = listener.local_addr().expect("a listener has an address").port();
    (listener, port)
}

fn server() -> (Server, u16) {
    let (listener, port) = listen();
    let server = serve(move |_| {
        let limiter = Limiter::builder().default_limits("2/hour").build().expect("a limiter");
        let app = move || App::new().wrap(limiter.clone()).route("/", web::get().to(HttpResponse::Ok));
        Ok(HttpServer::new(app).workers(2).listen(listener)?.run())
    });
    (server, port)
}

#[test]
fn ipv4_clients_count_apart() {
    let (_server, port) = server();
    let ask = |source: [u8; 4]| {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Client::connect_from(source.into(), server).get("/").status
    };
    let (one, other) = ([127, 0, 0, 2], [127, 0, 0, 3]);
    assert_eq!([one, one, one].map(ask), [200, 200, 429]);
    assert_eq!([other, other, other].map(ask), [200, 200, 429]);
}

#[test]
fn ipv4_and_ipv6_clients_count_apart() {
    let (_server, port) = server();
    let ask = |server: IpAddr| Client::connect(SocketAddr::from((server, port))).get("/").status;
    let (v4, v6) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
    assert_eq!([v4, v4, v4, v6, v6, v6].map(ask), [200, 200, 429, 200, 200, 429]);
}
