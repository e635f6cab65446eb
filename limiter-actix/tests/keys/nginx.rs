//! Behind a real nginx: each client has its own count, and claims of its own gain nothing.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
};

use actix_web::{App, HttpResponse, HttpServer, dev::HttpServiceFactory, web};
use limiter_actix::{Limiter, TrustedProxies, key};
use limiter_test_support::{client::Client, log, server::serve};

use crate::dual_stack::listen;

mod proxy;

use self::proxy::{Proxy, Way};

/// Claims by which a client may pose as another, as nobody, or as a proxy.
const CLAIMS: [&[(&str, &str)]; 12] = [
    &[("X-Forwarded-For", "6.6.6.6")],
    &[("X-Forwarded-For", "6.6.6.6, 7.7.7.7")],
    &[("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "7.7.7.7")],
    &[("X-Forwarded-For", "127.0.0.11, 127.0.0.12")],
    &[("X-Forwarded-For", "garbage, \"")],
    &[("X-Forwarded-For", ",")],
    &[("Forwarded", "for=6.6.6.6")],
    &[("Forwarded", "for=\"")],
    &[("Forwarded", "for=\"6.6.6.6;by=\\")],
    &[("Forwarded", "for=127.0.0.11, for=127.0.0.12"), ("Forwarded", "for=unknown")],
    &[("X-Real-IP", "6.6.6.6"), ("CF-Connecting-IP", "6.6.6.6"), ("Client-IP", "6.6.6.6")],
    &[
        ("X-Forwarded-For", "6.6.6.6"),
        ("Forwarded", "for=6.6.6.6"),
        ("X-Real-IP", "6.6.6.6"),
        ("X-Forwarded-For", "unknown"),
    ],
];

/// A page with room for two requests of each client, who is found in this way.
fn page(path: &str, proxies: TrustedProxies) -> impl HttpServiceFactory + use<> {
    let limiter = Limiter::builder().default_limits("2/hour").trusted_proxies(proxies);
    let limiter = limiter.build().expect("a limiter");
    let who = |req: actix_web::HttpRequest| async move {
        let req = actix_web::dev::ServiceRequest::from_request(req);
        HttpResponse::Ok().body(key::client_ip(&req).map_or_else(String::new, |client| client.to_string()))
    };
    web::scope(path).wrap(limiter).route("", web::get().to(who))
}

/// Runs the app and, in front of it, as many proxies as the way has.
fn behind_nginx(way: Way, check: impl Fn(&Proxy)) {
    let (listener, port) = listen();
    let _server = serve(move |_| {
        let hops = way.hops();
        let app = move || {
            let proxies = ["127.0.0.11", "127.0.0.12", "::1"];
            App::new()
                .service(page("/xff", TrustedProxies::x_forwarded_for().networks(proxies)))
                .service(page("/forwarded", TrustedProxies::forwarded().networks(proxies)))
                .service(page("/single", TrustedProxies::header("X-Real-IP").networks(proxies)))
                .service(page("/xff-hops", TrustedProxies::x_forwarded_for().hops(hops)))
                .service(page("/forwarded-hops", TrustedProxies::forwarded().hops(hops)))
        };
        Ok(HttpServer::new(app).workers(1).listen(listener)?.run())
    });
    check(&Proxy::start(port, way));
}

const PAGES: [&str; 5] = ["/xff", "/forwarded", "/single", "/xff-hops", "/forwarded-hops"];

/// Each of two clients has two requests, whatever it claims, and its claims cost nobody else.
fn each_has_its_own(clients: [&str; 2], connect: impl Fn(&str) -> Client) {
    for page in PAGES {
        for (turn, name) in clients.into_iter().enumerate() {
            let mut client = connect(name);
            // The first of each claims nothing, the second claims to be the other.
            let other = clients[1 - turn];
            let as_other = [("X-Forwarded-For", other), ("X-Real-IP", other)];
            for claims in [&[][..], &as_other] {
                let answer = client.ask("GET", page, claims);
                assert_eq!((answer.status, answer.body.as_str()), (200, name), "{page} {claims:?}");
            }
            for claims in CLAIMS {
                let answer = client.ask("GET", page, claims);
                assert_eq!(answer.status, 429, "{page}, {name} says {claims:?}");
            }
        }
    }
}

/// Clients of 127.0.0.0/8, which are real connections from there.
fn ipv4(way: Way) {
    behind_nginx(way, |proxy| {
        each_has_its_own(["127.0.0.2", "127.0.0.3"], |client| {
            let source: IpAddr = client.parse().expect("an address");
            Client::connect_from(source, SocketAddr::from((Ipv4Addr::LOCALHOST, proxy.port)))
        });
    });
}

/// A machine has one IPv6 address of its own, so clients come as from a load balancer that speaks the PROXY
/// protocol, which nginx takes for the truth.
fn ipv6(way: Way) {
    behind_nginx(way, |proxy| {
        each_has_its_own(["2001:db8:1::7", "2001:db8:2::7"], |client| {
            let nginx = SocketAddr::from((Ipv6Addr::LOCALHOST, proxy.balanced_port));
            let mut stream = TcpStream::connect(nginx).expect("nginx listens");
            // At once: nginx does not wait for the rest of it.
            let header = format!("PROXY TCP6 {client} 2001:db8::1 40000 80\r\n");
            stream.write_all(header.as_bytes()).expect("nginx reads");
            Client::over(stream)
        });
    });
}

#[test]
fn one_hop_ipv4() {
    ipv4(Way::OneHop);
}

#[test]
fn two_hops_ipv4() {
    ipv4(Way::TwoHops);
}

#[test]
fn one_hop_ipv6() {
    ipv6(Way::OneHop);
}

#[test]
fn two_hops_ipv6() {
    ipv6(Way::TwoHops);
}

#[test]
fn a_direct_client_is_counted_by_its_address() {
    let (listener, port) = listen();
    let _server = serve(move |_| {
        let proxies = TrustedProxies::x_forwarded_for().networks(["127.0.0.11"]);
        let app = move || App::new().service(page("/", proxies.clone()));
        Ok(HttpServer::new(app).workers(1).listen(listener)?.run())
    });
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut client = Client::connect_from([127, 0, 0, 2].into(), server);
    let claims = ["6.6.6.6", "7.7.7.7", "8.8.8.8"].map(|claim| [("X-Forwarded-For", claim)]);
    assert_eq!(claims.map(|claim| client.ask("GET", "/", &claim).status), [200, 200, 429]);
}

/// The control: with nothing set, nginx is the one client there is, and that is logged.
#[test]
fn without_the_setting_all_clients_are_nginx() {
    log::capture();
    let (listener, port) = listen();
    let _server = serve(move |_| {
        let limiter = Limiter::builder().default_limits("2/hour").build().expect("a limiter");
        let app = move || App::new().wrap(limiter.clone()).route("/", web::get().to(HttpResponse::Ok));
        Ok(HttpServer::new(app).workers(1).listen(listener)?.run())
    });
    let proxy = Proxy::start(port, Way::OneHop);
    let ask = |source: u8| {
        let nginx = SocketAddr::from((Ipv4Addr::LOCALHOST, proxy.port));
        Client::connect_from([127, 0, 0, source].into(), nginx).get("/").status
    };
    assert_eq!([2, 3, 4].map(ask), [200, 200, 429]);
    assert!(!log::everywhere("L011").is_empty());
}
