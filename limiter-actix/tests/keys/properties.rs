//! Limits of the power of headers.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{
    dev::ServiceRequest,
    http::header::{COOKIE, HeaderName, HeaderValue},
    test::TestRequest,
};
use limiter_actix::{Key, TrustedProxies, key};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::vectors::lines;

const NAMES: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip"];

/// Values that a client may send: pieces of what proxies write, and any bytes.
fn claim() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => select(vec![
            "for=", "by=", "host=", "\"", "\\", ",", ", ", ";", "=", "[", "]", ":", "%", " ", "\t", "1.2.3.4", "10.0.0.9",
            "2001:db8::1", "[::1]:80", "unknown", "_x", "::ffff:", "For",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8], 0..20),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Cookies of the name `k`, of others, and what is none.
fn cookies() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        20 => select(vec!["k", "k=", "%6b=", "%6B=", "k =", "K=", "=", ";", "; ", ";;", "\"", "a", "%", "%20", "%ff", " ", "\t"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8], 0..3),
    ];
    vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// An address that no proxy has.
fn stranger() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())),
    ]
    .prop_map(|address| address.to_canonical())
    .prop_filter("no proxy", |address| !is_proxy(*address))
}

fn is_proxy(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.octets()[0] == 10)
}

/// The addresses of proxies that stand in a row.
fn chain() -> impl Strategy<Value = Vec<IpAddr>> {
    vec(any::<[u8; 3]>().prop_map(|[b, c, d]| Ipv4Addr::new(10, b, c, d).into()), 0..5)
}

fn trusting(name: &str) -> TrustedProxies {
    TrustedProxies::header(name).networks(["10.0.0.0/8"])
}

/// The entry that a proxy adds for the address that connected to it.
fn entry(name: &str, address: IpAddr, dress: u8) -> String {
    let bracketed = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    match (name, dress % 4) {
        ("forwarded", 0) => format!("for=\"{bracketed}:80\";proto=https"),
        ("forwarded", 1) => format!("By=\"a, \\\"b;\";For=\"{bracketed}\""),
        ("forwarded", 2) => format!("host=\"\\\\\";for=\"{bracketed}\";by=_x"),
        ("forwarded", _) => format!("for=\"{bracketed}\""),
        (_, 0) => format!("{bracketed}:80"),
        (_, 1) => format!("\"{bracketed}\""),
        _ => address.to_string(),
    }
}

proptest! {
    #[test]
    fn a_client_that_is_no_proxy_chooses_nothing(
        peer in stranger(),
        chosen in select(&NAMES[..]),
        sent in vec((select(&NAMES[..]), claim()), 0..6),
    ) {
        let mut headers = lines::<&str>("x", &[]);
        for (name, value) in &sent {
            for (name, value) in &lines(name, &[value]) {
                headers.append(name.clone(), value.clone());
            }
        }
        prop_assert_eq!(trusting(chosen).client(Some(peer), &headers), Some(peer));
    }

    #[test]
    fn a_clients_own_entries_change_nothing(
        name in select(vec!["x-forwarded-for", "forwarded"]),
        claims in vec(claim(), 0..4),
        client in stranger(),
        proxies in chain(),
        dresses in vec(any::<(u8, bool)>(), 6),
        nearest in any::<u8>(),
    ) {
        let mut values = claims;
        for (address, (dress, on_own_line)) in std::iter::once(&client).chain(&proxies).zip(dresses) {
            let entry = entry(name, *address, dress);
            match values.last_mut() {
                Some(last) if !on_own_line => {
                    last.extend_from_slice(b", ");
                    last.extend_from_slice(entry.as_bytes());
                }
                _ => values.push(entry.into_bytes()),
            }
        }
        let peer = IpAddr::from([10, 9, 9, nearest]);
        let found = trusting(name).client(Some(peer), &lines(name, &values));
        prop_assert_eq!(found, Some(client));

        let by_number = TrustedProxies::header(name).hops(proxies.len() + 1);
        prop_assert_eq!(by_number.client(Some(peer), &lines(name, &values)), Some(client));
    }

    #[test]
    fn the_client_is_always_an_address_of_the_request(
        name in select(vec!["x-forwarded-for", "forwarded", "x-real-ip"]),
        values in vec(claim(), 0..4),
    ) {
        let peer = IpAddr::from([10, 0, 0, 1]);
        let found = trusting(name).client(Some(peer), &lines(name, &values)).expect("the peer at least");
        let all = [IpAddr::from([1, 2, 3, 4]), IpAddr::from([10, 0, 0, 9])];
        let text = values.concat();
        let is_part = |address: &IpAddr| {
            let address = address.to_string();
            text.windows(address.len()).any(|part| part == address.as_bytes())
        };
        prop_assert!(found == peer || !all.contains(&found) || is_part(&found), "{}", found);
    }
}

/// Lines of a header, as a client may send them.
fn request(name: &'static str, lines: &[Vec<u8>]) -> (TestRequest, Vec<Vec<u8>>) {
    let valid = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
    let name = HeaderName::from_static(name);
    let mut request = TestRequest::default();
    let mut sent = Vec::new();
    for value in valid {
        sent.push(value.as_bytes().to_vec());
        request = request.append_header((name.clone(), value));
    }
    (request, sent)
}

/// The text of the only line, without the space around it.
fn only_text(lines: &[Vec<u8>]) -> Option<&str> {
    let [line] = lines else { return None };
    std::str::from_utf8(line).ok().map(str::trim).filter(|text| !text.is_empty())
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => select(vec!["Bearer ", "bearer", " ", "a", "a=b", "; ", "k=", "%41", "=", "\"", ",", "é"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8], 0..8),
        1 => (0..3000_usize).prop_map(|length| vec![b'x'; length]),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_key_by_header_is_its_only_value(lines in vec(value(), 0..3)) {
        let (request, sent) = request("x-api-key", &lines);
        let found = key::header("X-Api-Key")(&request.to_srv_request());
        let expected = only_text(&sent).map(|text| Key::text("header x-api-key", text));
        prop_assert_eq!(found, Key::from(expected));
    }

    #[test]
    fn a_bearer_token_is_what_follows_its_scheme(lines in vec(value(), 0..3)) {
        let (request, sent) = request("authorization", &lines);
        let found = key::bearer_token(&request.to_srv_request());
        let token = only_text(&sent).and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        prop_assert_eq!(found, Key::text("bearer token", token.unwrap_or_default()));
    }

    #[test]
    fn two_values_of_a_query_are_one_key_if_they_are_equal(one in "\\PC{1,20}", other in "\\PC{1,20}") {
        let found = |value: &str| {
            let encoded = value.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            let request: ServiceRequest = TestRequest::with_uri(&format!("/?a=b&k={encoded}")).to_srv_request();
            key::query("k")(&request)
        };
        prop_assert_eq!(found(&one), Key::text("query k", one.as_str()));
        prop_assert_eq!(found(&one) == found(&other), one == other);
    }

    /// The cookie that counts is the one that handlers get.
    #[test]
    fn cookies_are_those_of_actix(lines in vec(cookies(), 0..3)) {
        let sent = lines.iter().fold(TestRequest::default(), |sent, line| {
            sent.append_header((COOKIE, HeaderValue::from_bytes(line).expect("printable bytes")))
        });
        let request = sent.to_srv_request();
        let found = key::cookie("k")(&request);
        let of_actix = request.cookie("k").map(|cookie| Key::text("cookie k", cookie.value()));
        prop_assert_eq!(found, Key::from(of_actix));
    }

    /// Kinds are apart, whatever a client sends: no value of one is the key of another, or an address.
    #[test]
    fn kinds_of_keys_are_apart(text in "[!-~]{1,40}", lines in vec(value(), 0..3)) {
        let (request, _) = request("cookie", &lines);
        let request = request.append_header(("x-api-key", text.as_str())).to_srv_request();
        let keys = [
            key::header("x-api-key")(&request),
            key::cookie("k")(&request),
            key::bearer_token(&request),
            Key::text("query k", text.as_str()),
            Key::from(IpAddr::from([1, 2, 3, 4])),
        ];
        for (number, one) in keys.iter().enumerate().filter(|(_, one)| !one.is_missing()) {
            prop_assert!(keys[..number].iter().all(|other| other != one));
        }
    }
}
