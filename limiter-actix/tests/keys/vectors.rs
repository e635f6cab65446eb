//! Clients behind trusted proxies, as tables.

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use limiter_actix::TrustedProxies;

/// Header lines of this name.
pub(crate) fn lines<V: AsRef<[u8]>>(name: &str, values: &[V]) -> HeaderMap {
    let name: HeaderName = name.parse().expect("a name");
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name.clone(), HeaderValue::from_bytes(value.as_ref()).expect("a value"));
    }
    headers
}

/// Whose request it is that comes from `peer` with these lines.
pub(crate) fn client<V: AsRef<[u8]>>(
    proxies: &TrustedProxies,
    peer: &str,
    name: &str,
    values: &[V],
) -> String {
    let peer: Option<IpAddr> = (peer != "unix:").then(|| peer.parse().expect("an address"));
    let client = proxies.client(peer, &lines(name, values));
    client.map_or_else(|| "unix:".to_owned(), |client| client.to_string())
}

fn check(proxies: &TrustedProxies, name: &str, rows: &[(&str, &[&str], &str)]) {
    for (peer, values, expected) in rows {
        assert_eq!(client(proxies, peer, name, values), *expected, "{name}: {values:?} from {peer}");
    }
}

#[test]
fn x_forwarded_for_by_networks() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8", "fd00::/8"]);
    check(
        &proxies,
        "x-forwarded-for",
        &[
            ("10.0.0.1", &["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            ("9.9.9.9", &["6.6.6.6, 1.2.3.4"], "9.9.9.9"),
            ("10.0.0.1", &["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["1.2.3.4, 10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["1.2.3.4", "10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["1.2.3.4:5678"], "1.2.3.4"),
            ("10.0.0.1", &["\"[2001:db8::1]:80\""], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["garbage"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            // All of them are proxies: the one furthest away is the client.
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("fd00::1", &["1.2.3.4, fd00::2"], "1.2.3.4"),
            ("fd00::1", &["2001:db8::7,10.0.0.2"], "2001:db8::7"),
            // IPv4 in IPv6 clothes, on a socket for both.
            ("::ffff:10.0.0.1", &["::ffff:1.2.3.4"], "1.2.3.4"),
            ("::ffff:9.9.9.9", &["1.2.3.4"], "9.9.9.9"),
            ("10.0.0.1", &["1.2.3.4, ::ffff:10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["fe80::1%eth0"], "fe80::1"),
            ("10.0.0.1", &["\t1.2.3.4 \t"], "1.2.3.4"),
            ("unix:", &["1.2.3.4"], "unix:"),
            // Bad entries end the walk at the last good hop.
            ("10.0.0.1", &["1.2.3.4, garbage, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["1.2.3.4, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, _hidden, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["1.2.3.4, unix:"], "10.0.0.1"),
            // So do empty ones: a proxy that knows no address may write them.
            ("10.0.0.1", &["6.6.6.6,"], "10.0.0.1"),
            ("10.0.0.1", &["6.6.6.6", ""], "10.0.0.1"),
            ("10.0.0.1", &["6.6.6.6, , 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[", 1.2.3.4"], "1.2.3.4"),
        ],
    );
}

#[test]
fn x_forwarded_for_by_hops() {
    let rows: &[(usize, &[&str], &str)] = &[
        (1, &["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        (2, &["6.6.6.6, 1.2.3.4, 10.0.0.2"], "1.2.3.4"),
        (2, &["6.6.6.6, 1.2.3.4", "10.0.0.2"], "1.2.3.4"),
        (1, &["1.2.3.4, 10.0.0.2"], "10.0.0.2"),
        (2, &["6.6.6.6, garbage, 10.0.0.2"], "10.0.0.2"),
        // Somebody left a proxy out.
        (3, &["1.2.3.4, 10.0.0.2"], "1.2.3.4"),
        (2, &[], "10.0.0.1"),
    ];
    for (hops, values, expected) in rows {
        let proxies = TrustedProxies::x_forwarded_for().hops(*hops);
        assert_eq!(client(&proxies, "10.0.0.1", "x-forwarded-for", values), *expected, "{values:?}");
    }
}

#[test]
fn with_networks_and_hops_both_must_agree() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]).hops(1);
    check(
        &proxies,
        "x-forwarded-for",
        &[
            ("10.0.0.1", &["1.2.3.4, 10.0.0.2"], "10.0.0.2"),
            ("9.9.9.9", &["1.2.3.4"], "9.9.9.9"),
            ("10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
        ],
    );
}

#[test]
fn forwarded_by_networks() {
    let proxies = TrustedProxies::forwarded().networks(["10.0.0.0/8"]);
    check(
        &proxies,
        "forwarded",
        &[
            ("10.0.0.1", &["for=6.6.6.6, for=192.0.2.43"], "192.0.2.43"),
            (
                "10.0.0.1",
                &["for=192.0.2.43, for=\"[2001:db8:cafe::17]:4711\";proto=https;by=203.0.113.43"],
                "2001:db8:cafe::17",
            ),
            ("9.9.9.9", &["for=192.0.2.43"], "9.9.9.9"),
            ("10.0.0.1", &["for=6.6.6.6", "for=192.0.2.43"], "192.0.2.43"),
            ("10.0.0.1", &["for=192.0.2.43, for=10.0.0.2"], "192.0.2.43"),
            ("10.0.0.1", &["For=\"192.0.2.43:47011\""], "192.0.2.43"),
            ("10.0.0.1", &["FOR=192.0.2.43;Proto=http"], "192.0.2.43"),
            ("10.0.0.1", &["proto=http;by=10.0.0.1;for=192.0.2.43;host=a"], "192.0.2.43"),
            ("10.0.0.1", &["for=\"[fe80::1%eth0]:80\""], "fe80::1"),
            ("10.0.0.1", &["for=\"[::ffff:192.0.2.43]\""], "192.0.2.43"),
            ("10.0.0.1", &["for=\"192.0.2.43:_port\""], "192.0.2.43"),
            ("10.0.0.1", &["for=192.0.2.43 , for=10.0.0.2 "], "192.0.2.43"),
            ("10.0.0.1", &["for=192.0.2.43; proto=http;"], "192.0.2.43"),
            ("10.0.0.1", &[";;for=192.0.2.43"], "192.0.2.43"),
            // Not by the grammar, but what proxies write that do not quote.
            ("10.0.0.1", &["for=192.0.2.43:80"], "192.0.2.43"),
            ("10.0.0.1", &["for=[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["for=2001:db8::1"], "2001:db8::1"),
            // No address: the walk ends.
            ("10.0.0.1", &["for=6.6.6.6, for=unknown"], "10.0.0.1"),
            ("10.0.0.1", &["for=6.6.6.6, for=_hidden, for=10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["for=6.6.6.6, for=\"_gazonk\""], "10.0.0.1"),
            ("10.0.0.1", &["for=6.6.6.6, proto=https"], "10.0.0.1"),
            ("10.0.0.1", &["for=6.6.6.6,"], "10.0.0.1"),
            ("10.0.0.1", &["for=6.6.6.6, for="], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.43"], "10.0.0.1"),
        ],
    );
}

#[test]
fn a_single_header() {
    let proxies = TrustedProxies::header("CF-Connecting-IP").networks(["10.0.0.0/8"]);
    check(
        &proxies,
        "cf-connecting-ip",
        &[
            ("10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["1.2.3.4", "10.0.0.9"], "10.0.0.9"),
            ("9.9.9.9", &["1.2.3.4"], "9.9.9.9"),
            ("10.0.0.1", &["6.6.6.6, 1.2.3.4"], "10.0.0.1"),
            ("10.0.0.1", &["garbage"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ],
    );
}

#[test]
fn only_the_chosen_header_is_read() {
    let names = ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "client-ip"];
    for chosen in names {
        let proxies = TrustedProxies::header(chosen).networks(["10.0.0.0/8"]);
        for name in names.iter().filter(|name| **name != chosen) {
            let values = if *name == "forwarded" { ["for=6.6.6.6"] } else { ["6.6.6.6"] };
            assert_eq!(client(&proxies, "10.0.0.1", name, &values), "10.0.0.1", "{chosen}, not {name}");
        }
    }
}

#[test]
fn lists_are_read_under_their_plain_names() {
    let proxies = TrustedProxies::header("X-Forwarded-For").networks(["10.0.0.0/8"]);
    check(&proxies, "x-forwarded-for", &[("10.0.0.1", &["6.6.6.6, 1.2.3.4"], "1.2.3.4")]);
    let proxies = TrustedProxies::header("forwarded").networks(["10.0.0.0/8"]);
    check(&proxies, "forwarded", &[("10.0.0.1", &["for=6.6.6.6, for=1.2.3.4"], "1.2.3.4")]);
}

#[test]
fn a_unix_socket_is_trusted_only_when_set() {
    let networks = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    let sockets = networks.clone().unix_sockets(true);
    let alone = TrustedProxies::x_forwarded_for().unix_sockets(true);
    let hops = TrustedProxies::x_forwarded_for().hops(1);
    let name = "x-forwarded-for";

    assert_eq!(client(&networks, "unix:", name, &["1.2.3.4"]), "unix:");
    assert_eq!(client(&hops, "unix:", name, &["1.2.3.4"]), "unix:");
    assert_eq!(client(&sockets, "unix:", name, &["1.2.3.4"]), "1.2.3.4");
    assert_eq!(client(&sockets, "unix:", name, &["1.2.3.4, 10.0.0.2"]), "1.2.3.4");
    assert_eq!(client(&sockets, "unix:", name, &["garbage"]), "unix:");
    assert_eq!(client(&alone, "unix:", name, &["6.6.6.6, 1.2.3.4"]), "1.2.3.4");
    assert_eq!(client(&alone, "9.9.9.9", name, &["1.2.3.4"]), "9.9.9.9");
}

#[test]
fn no_proxies_and_invalid_ones_trust_no_hop() {
    let name = "x-forwarded-for";
    for proxies in [
        TrustedProxies::none(),
        TrustedProxies::x_forwarded_for(),
        TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8", "10.0.0.0/99"]),
        TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]).hops(0),
        TrustedProxies::header("not a name").networks(["10.0.0.0/8"]),
    ] {
        assert_eq!(client(&proxies, "10.0.0.1", name, &["1.2.3.4"]), "10.0.0.1", "{proxies:?}");
    }
}
