//! Lines that clients wrote to do harm.

use crate::support::{Folder, limiter, line};

const LIMITS: &[u8] = b"application_limits = '0/hour'";

fn log() -> Vec<u8> {
    let mut log = Vec::new();
    for bad in [
        &b"\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\n"[..],
        b"\xff\xfe\x00\x01\n",
        b"192.0.2.1 - - [09/Oct/2026:13:00:00 +0000] \"\x1b[31m<img src=x onerror=alert(1)>\" 400 0\n",
        b"192.0.2.1 - - [09/Oct/2026:13:00:00 +0000] \"GET\n",
        b"{\"request\": \"</script><svg onload=alert(1)>\"}\n",
        b"{{{{{{\n",
        b"\n",
    ] {
        log.extend(bad);
    }
    log.extend(vec![b'['; 1 << 20]);
    log.extend(b"\n{\"a\":");
    log.extend(vec![b'['; 60_000]);
    log.push(b'\n');
    for path in ["/<script>alert(1)</script>", "/\\x1b[2J", "/\\xff\\x00", "/..//%00", "/\"'><b>"] {
        log.extend(line("192.0.2.1", 0, &format!("GET {path}")).bytes());
    }
    log.extend(line("192.0.2.1", 1, &format!("GET /{}", "x".repeat(60_000))).bytes());
    log.extend(b"192.0.2.1 - - [09/Oct/2026:13:00:00 +0000] \"GET /\xff\xfe\x1b HTTP/1.1\" 200 0\n");
    log
}

#[test]
fn hostile_lines_are_counted_and_end_nothing() {
    let folder = Folder::new(&[("limits.toml", LIMITS), ("a.log", &log())]);
    let run = limiter(&folder, &["replay", "limits.toml", "a.log", "--json"]);
    let report = run.json();
    let figures = ["lines", "requests", "broken"].map(|name| report["log"][name].as_u64().unwrap());
    // One of the paths has a quote that ends its request.
    assert_eq!((run.code, figures), (0, [15, 7, 8]), "{report:#}");
    assert_eq!(report["refused"], 7);
}

#[test]
fn output_steers_no_terminal_and_has_no_markup_of_clients() {
    let folder = Folder::new(&[("limits.toml", LIMITS), ("a.log", &log())]);
    let run = limiter(&folder, &["replay", "limits.toml", "a.log", "--html", "report.html"]);
    assert_eq!(run.code, 0, "{run:?}");
    let page = folder.read("report.html");
    for text in [&run.out, &page] {
        assert!(!text.chars().any(|char| char.is_control() && char != '\n'), "{text:?}");
    }
    assert!(page.contains("&lt;script&gt;"), "{page}");
    for markup in ["<script", "<img", "onerror=alert(1)>", "http://", "https://", "url(", "@import"] {
        assert!(!page.contains(markup), "{markup}: {page}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn names_of_files_and_limits_are_escaped() {
    let limits = b"application_limits = { limit = '0/hour', name = '<b>\"x\"' }";
    let folder = Folder::new(&[("<i>.toml", limits), ("<u>.log", line("192.0.2.1", 0, "GET /").as_bytes())]);
    let run = limiter(&folder, &["replay", "<i>.toml", "<u>.log", "--html", "report.html"]);
    assert_eq!(run.code, 0, "{run:?}");
    let page = folder.read("report.html");
    assert!(page.contains("&lt;b&gt;") && page.contains("&lt;i&gt;.toml") && page.contains("&lt;u&gt;.log"));
    for markup in ["<b>", "<i>", "<u>"] {
        assert!(!page.contains(markup), "{markup}");
    }
}

#[test]
fn a_log_without_a_request_is_a_problem() {
    let folder = Folder::new(&[("limits.toml", LIMITS), ("a.log", b"no\nlog\n"), ("empty.log", b"")]);
    for (log, lines) in [("a.log", 2), ("empty.log", 0)] {
        for arguments in [&["replay", "limits.toml", log, "--json"][..], &["suggest", log, "--json"]] {
            let run = limiter(&folder, arguments);
            let report = run.json();
            assert_eq!((run.code, &report["log"]["lines"]), (1, &lines.into()), "{arguments:?}: {run:?}");
        }
        for arguments in [&["replay", "limits.toml", log, "--html", "a.html"][..], &["suggest", log]] {
            assert_eq!(limiter(&folder, arguments).code, 1, "{arguments:?}");
        }
    }
}
