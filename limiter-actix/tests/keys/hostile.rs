//! Headers that are meant to hurt.

use std::{hint, time::Duration};

use actix_web::test::TestRequest;
use limiter_actix::{Key, TrustedProxies, key};
use limiter_test_support::cost::cpu_time;

use crate::vectors::{client, lines};

fn all() -> [(&'static str, TrustedProxies); 3] {
    [
        ("x-forwarded-for", TrustedProxies::x_forwarded_for()),
        ("forwarded", TrustedProxies::forwarded()),
        ("cf-connecting-ip", TrustedProxies::header("cf-connecting-ip")),
    ]
    .map(|(name, proxies)| (name, proxies.networks(["10.0.0.0/8"])))
}

#[test]
fn ten_thousand_entries_end_after_sixty_four() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    let chain = |trusted: usize| format!("1.2.3.4{}", ", 10.0.0.2".repeat(trusted));
    let from = |value: String| client(&proxies, "10.0.0.1", "x-forwarded-for", &[value]);

    assert_eq!(from(chain(63)), "1.2.3.4");
    assert_eq!(from(chain(64)), "10.0.0.2");
    assert_eq!(from(chain(10_000)), "10.0.0.2");
    assert_eq!(from(format!("{}1.2.3.4", "6.6.6.6, ".repeat(10_000))), "1.2.3.4");

    let lines: Vec<_> = std::iter::once("1.2.3.4").chain(std::iter::repeat_n("10.0.0.2", 10_000)).collect();
    assert_eq!(client(&proxies, "10.0.0.1", "x-forwarded-for", &lines), "10.0.0.2");
}

#[test]
fn eight_kilobytes_are_read_and_no_more() {
    for (name, proxies) in all() {
        let entry = if name == "forwarded" { "for=1.2.3.4" } else { "1.2.3.4" };
        for space in [0, 7000] {
            let value = format!("{entry}{}", " ".repeat(space));
            assert_eq!(client(&proxies, "10.0.0.1", name, &[value]), "1.2.3.4", "{name}, {space} spaces");
        }
        for space in [8 * 1024, 64 * 1024] {
            let value = format!("{entry}{}", " ".repeat(space));
            assert_eq!(client(&proxies, "10.0.0.1", name, &[value]), "10.0.0.1", "{name}, {space} spaces");
        }
    }
}

#[test]
fn eight_kilobytes_over_all_lines() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    let line = |trusted: &str, size: usize| format!("{trusted}{}", " ".repeat(size - trusted.len()));
    for (size, expected) in [(2000, "1.2.3.4"), (3000, "10.0.0.3")] {
        let lines = ["1.2.3.4", "10.0.0.4", "10.0.0.3", "10.0.0.2"].map(|entry| line(entry, size));
        assert_eq!(client(&proxies, "10.0.0.1", "x-forwarded-for", &lines), expected, "{size} a line");
    }
}

#[test]
fn an_entry_is_not_cut_into_another_address() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    // Wherever the end of what is read falls, no `1.2.3.4` comes of a `21.2.3.4`.
    for space in (8 * 1024 - 40)..(8 * 1024) {
        let value = format!("121.2.3.4,{}10.0.0.2", " ".repeat(space));
        let client = client(&proxies, "10.0.0.1", "x-forwarded-for", &[value]);
        assert!(["121.2.3.4", "10.0.0.2", "10.0.0.1"].contains(&client.as_str()), "{client}");
    }
}

/// The defect: all cookies of a request were kept until it ended, in some sixty times the memory of the header.
#[test]
fn a_header_full_of_cookies_takes_little_memory() {
    let header = format!("{}session=abc", "a=;".repeat(40_000));
    let request = TestRequest::default().insert_header(("cookie", header)).to_srv_request();
    let by_session = key::cookie("session");
    let used = allocation_counter::measure(|| {
        assert_eq!(by_session(&request), Key::text("cookie session", "abc"));
    });
    assert!(used.bytes_max < 4096, "{used:?}");
}

#[test]
fn sixty_four_kilobytes_cost_little() {
    let size = 64 * 1024;
    for (name, proxies) in all() {
        for pattern in [
            ",",
            "\"",
            "\\",
            "\\\"",
            "a",
            " ",
            ";",
            "=",
            "for=\"",
            "[",
            ":",
            "%",
            "1.",
            "for=10.0.0.1,",
            "10.0.0.1,",
            "\u{e9}",
        ] {
            for end in ["", "\"", ", for=\"", "=\"\""] {
                let value = format!("{}{end}", pattern.repeat(size / pattern.len()));
                let headers = lines(name, &[value]);
                let took = cpu_time(|| {
                    for _ in 0..10 {
                        hint::black_box(proxies.client(Some([10, 0, 0, 1].into()), &headers));
                    }
                });
                // Some microseconds when optimized; were it quadratic, it would be seconds.
                assert!(took < Duration::from_millis(100), "{name}: {pattern:?} {end:?} took {took:?}");
            }
        }
    }
}

#[test]
fn bytes_beyond_ascii_name_nobody() {
    for (name, proxies) in all() {
        let wrapped = |value: &[u8]| [if name == "forwarded" { &b"for="[..] } else { b"" }, value].concat();
        for value in
            [&b"\xff"[..], b"1.2.3.4\xff", b"\xe9\xa9", "１.２.３.４".as_bytes(), "1.2.3.4\u{a0}".as_bytes()]
        {
            assert_eq!(
                client(&proxies, "10.0.0.1", name, &[wrapped(value)]),
                "10.0.0.1",
                "{name}: {value:?}"
            );
        }
    }
}

#[test]
fn the_leftmost_entry_gains_nothing() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    for claim in [
        "10.0.0.1",
        "127.0.0.1",
        "::1",
        "1.2.3.4",
        "unknown",
        ",",
        ",,,",
        " ",
        "\"",
        "\"1.1.1.1",
        "%",
        "[",
        "1.1.1.1, 10.0.0.2",
        "\u{fffd}",
    ] {
        let value = format!("{claim}, 192.0.2.1, 10.0.0.2");
        assert_eq!(
            client(&proxies, "10.0.0.1", "x-forwarded-for", &[value.as_bytes()]),
            "192.0.2.1",
            "{claim}"
        );
        let two = [claim, "192.0.2.1"];
        assert_eq!(client(&proxies, "10.0.0.1", "x-forwarded-for", &two), "192.0.2.1", "{claim}");
    }
}
