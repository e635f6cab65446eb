//! Formats of logs and of files.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};

use crate::support::{Folder, limiter, limiter_with, line};

const LIMITS: &[u8] = b"application_limits = '2/hour'";

/// Three requests of one client, in lines of one server.
const NGINX: &str =
    r#"{"time_iso8601":"2026-10-09T13:00:00+00:00","remote_addr":"192.0.2.1","request":"GET /a HTTP/1.1"}"#;
const CADDY: &str =
    r#"{"ts":1791550801.5,"request":{"remote_ip":"192.0.2.1","method":"GET","uri":"/a"},"status":200}"#;
const TRAEFIK: &str = r#"{"StartUTC":"2026-10-09T13:00:02Z","ClientHost":"192.0.2.1","RequestMethod":"GET","RequestPath":"/a"}"#;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory is writable");
    encoder.finish().expect("memory is writable")
}

/// Returns the report without the names of files.
fn replayed(folder: &Folder, arguments: &[&str], input: &[u8]) -> Value {
    let run = limiter_with(folder, &[&["replay", "limits.toml", "--json"], arguments].concat(), input);
    assert_eq!(run.code, 0, "{run:?}");
    let mut report = run.json();
    report["log"]["files"] = json!(null);
    report
}

#[test]
fn compressed_logs_are_replayed_as_plain_ones() {
    let log: String =
        (0..5000).map(|number| line(&format!("192.0.2.{}", number % 7), number / 9, "GET /a")).collect();
    let log = log.as_bytes();
    let (gz, zst) = (gzip(log), compress_to_vec(log, CompressionLevel::Fastest));
    let folder =
        Folder::new(&[("limits.toml", LIMITS), ("plain.log", log), ("gz.log", &gz), ("zst.log", &zst)]);
    let plain = replayed(&folder, &["plain.log"], b"");
    assert_eq!((&plain["log"]["requests"], &plain["refused"]), (&json!(5000), &json!(5000 - 14)));
    assert_eq!(replayed(&folder, &["gz.log"], b""), plain);
    assert_eq!(replayed(&folder, &["zst.log"], b""), plain);
    assert_eq!(replayed(&folder, &["-"], log), plain);
    assert_eq!(replayed(&folder, &["-"], &gz), plain);
}

#[test]
fn several_logs_are_one() {
    let lines = [0, 1, 2].map(|second| line("192.0.2.1", second, "GET /a"));
    let [first, second, third] = lines.each_ref().map(String::as_bytes);
    let folder = Folder::new(&[("limits.toml", LIMITS), ("1.log", first), ("2.log", second)]);
    let report = replayed(&folder, &["1.log", "2.log", "-"], third);
    assert_eq!((&report["log"]["requests"], &report["refused"]), (&json!(3), &json!(1)));
}

#[test]
fn formats_are_found_line_by_line() {
    let log = format!("{NGINX}\n{CADDY}\n{TRAEFIK}\n{}", line("192.0.2.1", 3, "GET /a"));
    let folder = Folder::new(&[("limits.toml", LIMITS), ("a.log", log.as_bytes())]);
    let report = replayed(&folder, &["a.log"], b"");
    assert_eq!((&report["log"]["requests"], &report["refused"]), (&json!(4), &json!(2)));
    assert_eq!(report["log"]["first"], "2026-10-09T13:00:00Z");
    for format in ["common", "combined", "nginx", "caddy", "traefik"] {
        let report = replayed(&folder, &["a.log", "--format", format], b"");
        assert_eq!(
            (&report["log"]["requests"], &report["log"]["broken"]),
            (&json!(1), &json!(3)),
            "{format}"
        );
    }
}

#[test]
fn keys_read_the_headers_of_json_lines() {
    let limits = b"application_limits = { limit = '1/hour', key = { header = 'X-Api-Key' } }";
    let line = |key: &str| {
        format!(
            "{{\"ts\":1791550801,\"request\":{{\"client_ip\":\"192.0.2.1\",\"method\":\"GET\",\"uri\":\"/\",\
             \"headers\":{{\"X-Api-Key\":[\"{key}\"]}}}}}}\n"
        )
    };
    let log = ["a", "b", "a", "c"].map(line).concat();
    let folder = Folder::new(&[("limits.toml", limits), ("a.log", log.as_bytes())]);
    let report = replayed(&folder, &["a.log"], b"");
    assert_eq!(report["refused"], 1);
    let run = limiter(&folder, &["replay", "limits.toml", "a.log"]);
    assert!(run.out.contains("x-api-key"), "{}", run.out);
}
