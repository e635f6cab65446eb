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
