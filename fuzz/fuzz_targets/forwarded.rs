//! The address of the client behind proxies, for any headers it may send.
//!
//! The first byte selects the header, the others are its lines. For all of them:
//!
//! * nothing panics;
//! * the address of a client that is no proxy is the peer's;
//! * the address is canonical;
//! * entries of trusted proxies decide, and entries before them change nothing.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use limiter_actix::TrustedProxies;

const NAMES: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const STRANGER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));

fn headers(name: &HeaderName, lines: &[Vec<u8>]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(name.clone(), line);
    }
    headers
}

fn entry(is_forwarded: bool, address: IpAddr) -> String {
    match (is_forwarded, address) {
        (true, IpAddr::V4(address)) => format!("for={address};by=\"a,\\\"b;\""),
        (true, IpAddr::V6(address)) => format!("proto=https;for=\"[{address}]:80\""),
        (false, IpAddr::V4(address)) => address.to_string(),
        (false, IpAddr::V6(address)) => format!("[{address}]:80"),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let text_name = NAMES[usize::from(*choice) % NAMES.len()];
    let name = HeaderName::from_static(text_name);
    let by_networks = TrustedProxies::header(text_name).networks(["10.0.0.0/8", "fd00::/8"]);
    let by_number = TrustedProxies::header(text_name).hops(2);
    let claims: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let claimed = headers(&name, &claims);

    for stranger in [STRANGER, STRANGER_V6] {
        assert_eq!(by_networks.client(Some(stranger), &claimed), Some(stranger));
    }
    for proxies in [&by_networks, &by_number] {
        let found = proxies.client(Some(PROXY), &claimed).expect("the peer at least");
        assert_eq!(found, found.to_canonical());
    }
    assert_eq!(by_networks.client(None, &claimed), None);

    if text_name == "x-real-ip" {
        return;
    }
    let is_forwarded = text_name == "forwarded";
    for stranger in [STRANGER, STRANGER_V6] {
        let added = format!("{}, {}", entry(is_forwarded, stranger), entry(is_forwarded, PROXY));
        let mut on_own_line = claims.clone();
        on_own_line.push(added.clone().into_bytes());
        let mut appended = claims.clone();
        if let Some(last) = appended.last_mut() {
            last.extend_from_slice(b", ");
            last.extend_from_slice(added.as_bytes());
        }
        // A line that no header can have is not sent, and neither is what stands on it.
        let was_sent =
            |lines: &[Vec<u8>]| lines.last().is_some_and(|line| HeaderValue::from_bytes(line).is_ok());
        for lines in [on_own_line, appended].iter().filter(|lines| was_sent(lines)) {
            let sent = headers(&name, lines);
            for proxies in [&by_networks, &by_number] {
                assert_eq!(proxies.client(Some(PROXY), &sent), Some(stranger), "{lines:?}");
            }
        }
    }
});
