//! Invalid settings, reported by `build` or logged once while serving.

use actix_web::test::TestRequest;
use limiter_actix::{BuildError, Limiter, LimiterBuilder, TrustedProxies, TrustedProxiesError, key};
use limiter_test_support::log;

use crate::page::{app, from, once, passes};

/// The one issue of a builder.
fn issue(builder: LimiterBuilder) -> String {
    let Err(BuildError::Config(error)) = builder.build() else { panic!("it must not be built") };
    assert_eq!(error.issues().len(), 1, "{error}");
    error.to_string()
}

#[test]
fn build_reports_invalid_proxies() {
    let trusted = |proxies| issue(Limiter::builder().trusted_proxies(proxies));
    for (proxies, expected) in [
        (
            TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8", "10.0.0.0/99"]),
            TrustedProxiesError::Network("10.0.0.0/99".into()),
        ),
        (TrustedProxies::forwarded().networks(["loopback"]), TrustedProxiesError::Network("loopback".into())),
        (TrustedProxies::header("real ip").hops(1), TrustedProxiesError::Header("real ip".into())),
        (TrustedProxies::header("").hops(1), TrustedProxiesError::Header(String::new())),
        (TrustedProxies::x_forwarded_for(), TrustedProxiesError::Nobody),
        (TrustedProxies::x_forwarded_for().hops(0), TrustedProxiesError::NoHops),
    ] {
        assert_eq!(trusted(proxies), format!(".trusted_proxies(..): {expected}"));
    }
    for bits in [0, 31, 129, 255] {
        let expected = format!(".ipv6_prefix({bits}): expected 32 to 128 bits");
        assert_eq!(issue(Limiter::builder().ipv6_prefix(bits)), expected);
    }
    let message = trusted(TrustedProxies::x_forwarded_for().networks(["10.0.0.0/99"]));
    assert!(message.contains("`10.0.0.0/99`") && message.contains("expected"), "{message}");
}

#[test]
fn trust_in_no_proxy_may_be_explicit() {
    for proxies in [
        TrustedProxies::none(),
        TrustedProxies::x_forwarded_for().networks::<[&str; 0], _>([]),
        TrustedProxies::x_forwarded_for().unix_sockets(true),
    ] {
        assert!(Limiter::builder().trusted_proxies(proxies).build().is_ok());
    }
}

#[actix_web::test]
async fn a_forgotten_proxy_is_logged_once() {
    log::capture();
    for header in [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")] {
        let before = log::here("L011").len();
        let app = app(once().key(key::header("x-api-key"))).await;
        passes(&app, [from("10.0.0.1")]).await;
        assert_eq!(log::here("L011").len(), before);
        passes(&app, std::iter::repeat_with(|| from("10.0.0.1").insert_header(header)).take(3)).await;
        assert_eq!(log::here("L011").len(), before + 1);
        assert!(log::here("trusted_proxies").len() > before);
    }
}

/// Limits may follow later.
#[actix_web::test]
async fn a_forgotten_proxy_is_logged_where_nothing_is_limited() {
    log::capture();
    let app = app(Limiter::builder()).await;
    passes(&app, [from("10.0.0.1"), from("10.0.0.1")]).await;
    assert_eq!(log::here("L011"), Vec::<String>::new());
    passes(&app, [from("10.0.0.1").insert_header(("x-forwarded-for", "1.2.3.4"))]).await;
    assert_eq!(log::here("L011").len(), 1);
}

#[actix_web::test]
async fn explicit_proxies_log_nothing() {
    log::capture();
    for proxies in [TrustedProxies::none(), TrustedProxies::forwarded().hops(1)] {
        let app = app(once().trusted_proxies(proxies)).await;
        passes(&app, [from("10.0.0.1").insert_header(("x-forwarded-for", "1.2.3.4"))]).await;
    }
    assert_eq!(log::here("L011"), Vec::<String>::new());
}

#[actix_web::test]
async fn connections_without_an_address_share_a_count_and_are_logged_once() {
    log::capture();
    let app = app(once().trusted_proxies(TrustedProxies::none())).await;
    let sent = |value: &'static str| TestRequest::default().insert_header(("x-forwarded-for", value));
    assert_eq!(passes(&app, ["1.2.3.4", "1.2.3.5", ""].map(sent)).await, [true, false, false]);
    assert_eq!(log::here("L005").len(), 1);
}

#[actix_web::test]
async fn clients_behind_a_trusted_unix_socket_count_apart() {
    let proxies = TrustedProxies::x_forwarded_for().unix_sockets(true);
    let app = app(once().trusted_proxies(proxies)).await;
    let sent = |value: &'static str| TestRequest::default().insert_header(("x-forwarded-for", value));
    let values = ["1.2.3.4", "1.2.3.5", "6.6.6.6, 1.2.3.4"];
    assert_eq!(passes(&app, values.map(sent)).await, [true, true, false]);
}

#[test]
fn trust_in_every_proxy_is_logged_once() {
    log::capture();
    for network in ["0.0.0.0/0", "::/0"] {
        let proxies = TrustedProxies::x_forwarded_for().networks([network]);
        assert!(Limiter::builder().trusted_proxies(proxies.clone()).build().is_ok());
        assert!(Limiter::builder().trusted_proxies(proxies.hops(1)).build().is_ok());
    }
    assert_eq!(log::here("L013").len(), 1);
}

#[actix_web::test]
async fn an_invalid_header_name_is_logged_and_falls_back() {
    log::capture();
    let app = app(once().key(key::header("x api key"))).await;
    assert_eq!(log::here("L012").len(), 1);
    let addresses = ["192.0.2.1", "192.0.2.1", "192.0.2.2"];
    assert_eq!(passes(&app, addresses.map(from)).await, [true, false, true]);
}

/// The codes of set-ups of proxies.
const SETUP: [&str; 6] = ["L011", "L060", "L061", "L062", "L063", "L064"];

/// Sends requests to an app behind these proxies; returns the codes that it logs.
async fn codes(
    proxies: Option<TrustedProxies>,
    requests: impl IntoIterator<Item = TestRequest>,
) -> Vec<&'static str> {
    let mut limiter = Limiter::builder().default_limits("100000/hour");
    if let Some(proxies) = proxies {
        limiter = limiter.trusted_proxies(proxies);
    }
    let app = app(limiter).await;
    let before = SETUP.map(|code| log::here(code).len());
    passes(&app, requests).await;
    let is_logged = |(code, before): (&&'static str, usize)| match log::here(code).len() - before {
        0 => None,
        1 => Some(*code),
        more => panic!("{code} {more} times"),
    };
    SETUP.iter().zip(before).filter_map(is_logged).collect()
}

/// A request through a proxy that writes a header.
fn via(proxy: &str, header: (&'static str, &str)) -> TestRequest {
    from(proxy).insert_header((header.0, header.1.to_owned()))
}

/// Requests of clients one after the other, each with these entries behind its address.
fn forwarded(proxy: &'static str, behind: &'static str, number: u32) -> impl Iterator<Item = TestRequest> {
    (0..number).map(move |client| {
        let client = std::net::Ipv4Addr::from_bits(0xc000_0200 + client % 200);
        via(proxy, ("x-forwarded-for", &format!("{client}{behind}")))
    })
}

fn nginx() -> TrustedProxies {
    TrustedProxies::x_forwarded_for().networks(["10.0.0.1"])
}

#[actix_web::test]
async fn half_right_proxies_are_logged_once() {
    log::capture();
    // A proxy that writes a header of its own only.
    assert_eq!(codes(None, [via("10.0.0.1", ("x-real-ip", "192.0.2.1"))]).await, ["L011"]);
    assert_eq!(codes(None, [via("10.0.0.1", ("cf-connecting-ip", "192.0.2.1"))]).await, ["L011"]);
    // The proxy connects from an address that is not trusted.
    assert_eq!(codes(Some(nginx()), forwarded("10.0.0.2", "", 200)).await, ["L060"]);
    // A load balancer in front of nginx is not trusted, or not counted.
    assert_eq!(codes(Some(nginx()), forwarded("10.0.0.1", ", 10.0.0.9", 5)).await, ["L061"]);
    let one = TrustedProxies::x_forwarded_for().hops(1);
    assert_eq!(codes(Some(one), forwarded("10.0.0.1", ", 10.0.0.9", 5)).await, ["L061"]);
    // nginx does not pass on the addresses that the load balancer has written.
    let same = || via("10.0.0.1", ("x-forwarded-for", "203.0.113.7"));
    assert_eq!(codes(Some(nginx()), std::iter::repeat_with(same).take(1200)).await, ["L062"]);
    // nginx writes no header, or another one.
    assert_eq!(codes(Some(nginx()), std::iter::repeat_with(|| from("10.0.0.1")).take(200)).await, ["L063"]);
    let other = || via("10.0.0.1", ("x-real-ip", "192.0.2.1"));
    assert_eq!(codes(Some(nginx()), std::iter::repeat_with(other).take(200)).await, ["L063"]);
    assert!(log::here("L063").iter().any(|line| line.contains("x-real-ip")));
    // Fewer proxies than are trusted: clients write the entry that counts.
    let two = TrustedProxies::x_forwarded_for().hops(2);
    assert_eq!(codes(Some(two), forwarded("10.0.0.1", "", 200)).await, ["L064"]);
}

#[actix_web::test]
async fn right_proxies_log_nothing() {
    log::capture();
    let none: [&str; 0] = [];
    let trusted = |networks: &[&str]| Some(TrustedProxies::x_forwarded_for().networks(networks));
    assert_eq!(codes(None, (0..1200).map(|_| from("192.0.2.1"))).await, none, "no proxy");
    assert_eq!(codes(Some(TrustedProxies::none()), forwarded("10.0.0.2", "", 200)).await, none);
    assert_eq!(codes(Some(nginx()), forwarded("10.0.0.1", "", 1200)).await, none);
    // Of clients that connect directly, some forge the header.
    let direct = forwarded("203.0.113.9", "", 90).chain(forwarded("10.0.0.1", "", 1200));
    assert_eq!(codes(Some(nginx()), direct).await, none);
    // Probes of the proxy itself have no header.
    let probes = forwarded("10.0.0.1", "", 1200).flat_map(|request| [from("10.0.0.1"), request]);
    assert_eq!(Box::pin(codes(Some(nginx()), probes)).await, none);
    let both = trusted(&["10.0.0.0/28"]);
    assert_eq!(codes(both, forwarded("10.0.0.1", ", 10.0.0.9", 1200)).await, none);
    let two = TrustedProxies::x_forwarded_for().hops(2);
    assert_eq!(codes(Some(two), forwarded("10.0.0.1", ", 10.0.0.9", 1200)).await, none);
    // Clients of an intranet have private addresses, and forge nothing.
    let intranet =
        (0..1200).map(|number| via("10.0.0.1", ("x-forwarded-for", ["10.7.0.1", "10.7.0.2"][number % 2])));
    assert_eq!(codes(Some(nginx()), intranet).await, none);
    // Behind a proxy on the same machine, all clients of a test are this machine.
    let local = || via("127.0.0.1", ("x-forwarded-for", "127.0.0.1"));
    assert_eq!(codes(trusted(&["127.0.0.1"]), std::iter::repeat_with(local).take(1200)).await, none);
    let real_ip = TrustedProxies::header("x-real-ip").networks(["10.0.0.1"]);
    let single =
        (0..1200).map(|number| via("10.0.0.1", ("x-real-ip", ["192.0.2.1", "192.0.2.2"][number % 2])));
    assert_eq!(codes(Some(real_ip), single).await, none);
    let elements = (0..1200)
        .map(|number| via("10.0.0.1", ("forwarded", ["for=192.0.2.1", "for=192.0.2.2"][number % 2])));
    assert_eq!(codes(Some(TrustedProxies::forwarded().networks(["10.0.0.1"])), elements).await, none);
}

#[actix_web::test]
async fn a_header_of_a_key_that_never_comes_is_logged_once() {
    log::capture();
    let limiter = || Limiter::builder().default_limits("100000/hour");
    let users = async |name: &'static str, sent: &'static [&'static str], number: usize| {
        let before = log::here("L065").len();
        let app = app(limiter().key(key::header(name))).await;
        let request = |number: usize| match sent[number % sent.len()] {
            "" => from("192.0.2.1"),
            value => from("192.0.2.1").insert_header(("x-user", value)),
        };
        passes(&app, (0..number).map(request)).await;
        log::here("L065").len() - before
    };
    assert_eq!(users("x-usr", &["alice"], 1500).await, 1);
    assert_eq!(users("x-usr", &["alice"], 999).await, 0, "it may still come");
    assert_eq!(users("x-user", &["", "", "alice"], 1500).await, 0);
}

#[derive(Clone)]
struct User(&'static str);

/// An app whose authentication is inside the limiter, or around it.
async fn signed_in(is_inside: bool, name: Option<&'static str>) -> usize {
    use actix_web::{App, HttpMessage, HttpResponse, dev::Service, test::init_service, web};

    let before = log::here("L066").len();
    let user = key::extension(|user: &User| limiter_actix::Key::text("user", user.0));
    let limiter = Limiter::builder().default_limits("100/hour").key(user).build().expect("a limiter");
    let sign_in = move |req: actix_web::dev::ServiceRequest| {
        if let Some(name) = name {
            req.extensions_mut().insert(User(name));
        }
        req
    };
    let page = web::get().to(HttpResponse::Ok);
    if is_inside {
        let app = App::new().wrap_fn(move |req, next| next.call(sign_in(req))).wrap(limiter);
        let app = init_service(app.route("/", page)).await;
        assert_eq!(passes(&app, ["192.0.2.1"; 3].map(from)).await, [true; 3]);
    } else {
        let app = App::new().wrap(limiter).wrap_fn(move |req, next| next.call(sign_in(req)));
        let app = init_service(app.route("/", page)).await;
        assert_eq!(passes(&app, ["192.0.2.1"; 3].map(from)).await, [true; 3]);
    }
    log::here("L066").len() - before
}

#[actix_web::test]
async fn an_extension_that_comes_after_the_limiter_is_logged_once() {
    log::capture();
    assert_eq!(signed_in(true, Some("alice")).await, 1);
    assert!(log::here("L066")[0].contains("User"), "{:?}", log::here("L066"));
    assert_eq!(signed_in(false, Some("alice")).await, 0);
    assert_eq!(signed_in(true, None).await, 0, "nobody is signed in");
    assert_eq!(signed_in(false, None).await, 0);
}
