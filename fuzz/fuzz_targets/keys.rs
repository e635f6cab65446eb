//! Keys of requests, for any bytes in headers and queries: nothing panics, and kinds of keys are apart.
//!
//! The first line is the query, the others are values of headers.

#![no_main]

use actix_web::{
    http::{Uri, header::HeaderValue},
    test::TestRequest,
};
use libfuzzer_sys::fuzz_target;
use limiter_actix::{
    Key,
    key::{self, KeyExt},
};

const NAMES: [&str; 4] = ["x-api-key", "authorization", "cookie", "x-forwarded-for"];

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let query = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut request = TestRequest::default().peer_addr(([192, 0, 2, 1], 4000).into());
    if let Ok(uri) = format!("/?{query}").parse::<Uri>() {
        request = request.uri(&uri.to_string());
    }
    for (number, line) in lines.enumerate() {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            request = request.append_header((NAMES[number % NAMES.len()], value));
        }
    }
    let request = request.to_srv_request();
    let keys: [Key; 5] = [
        key::header("x-api-key")(&request),
        key::bearer_token(&request),
        key::cookie("session")(&request),
        key::query("token")(&request),
        key::client_address(&request),
    ];
    assert_eq!(keys[4], Key::from(std::net::IpAddr::from([192, 0, 2, 1])), "no proxy is trusted");
    for (number, one) in keys.iter().enumerate().filter(|(_, one)| !one.is_missing()) {
        assert!(keys[..number].iter().all(|other| other != one));
        assert!(!format!("{one:?}").contains(char::is_control));
    }
    drop(key::header("x-api-key").and(key::query("token"))(&request));
});
