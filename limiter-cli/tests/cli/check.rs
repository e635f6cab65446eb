//! `limiter check`.

use serde_json::json;

use crate::support::{Folder, limiter};

const VALID: &[u8] = b"strategy = 'sliding-window-counter'
default_limits = '100/minute'
application_limits = { limit = '50/second', strategy = 'token-bucket', name = 'burst', shadow = true }

[routes]
'POST /login' = '5/minute'

[scopes]
'/health' = { exempt = ['default', 'meta'] }
";

const INVALID: &[u8] = b"strategi = 'fixed-window'\ndefault_limits = '5/fortnight'\n";

#[test]
fn check_shows_what_a_valid_file_declares() {
    let folder = Folder::new(&[("limits.toml", VALID)]);
    let run = limiter(&folder, &["check", "limits.toml"]);
    let expected = "\
limits.toml: valid
limiter on, strategy sliding-window-counter, storage memory, IPv6 clients by 64 bits

Limits
level        where        limit             strategy                name
application  everywhere   50 per 1 second   token-bucket            burst  shadow
default      everywhere   100 per 1 minute  sliding-window-counter
route        POST /login  5 per 1 minute    sliding-window-counter

Exempt
where    from limits of
/health  default, meta
";
    assert_eq!((run.code, run.out.as_str(), run.errors.as_str()), (0, expected, ""));
}

#[test]
fn check_shows_all_errors_with_their_positions() {
    let folder = Folder::new(&[("limits.toml", INVALID)]);
    let run = limiter(&folder, &["check", "limits.toml"]);
    let expected = "\
limits.toml:1:1: unknown name `strategi`; did you mean `strategy`?
limits.toml:2:21: `default_limits`: expected second, minute, hour, day, week, month or year at byte 2, found \
`fortnight`
";
    assert_eq!((run.code, run.out.as_str(), run.errors.as_str()), (1, expected, ""));
}

#[test]
fn check_reports_the_same_as_json() {
    let folder = Folder::new(&[("good.toml", VALID), ("bad.toml", INVALID)]);
    let run = limiter(&folder, &["check", "good.toml", "--json"]);
    let expected = json!({
        "version": 1, "command": "check", "file": "good.toml", "valid": true, "issues": [],
        "enabled": true, "strategy": "sliding-window-counter", "storage": "memory", "ipv6_prefix": 64,
        "limits": [
            {"level": "application", "pattern": null, "quota": "50 per 1 second", "strategy": "token-bucket",
             "name": "burst", "shadow": true},
            {"level": "default", "pattern": null, "quota": "100 per 1 minute", "strategy": "sliding-window-counter",
             "name": null, "shadow": false},
            {"level": "route", "pattern": "POST /login", "quota": "5 per 1 minute",
             "strategy": "sliding-window-counter", "name": null, "shadow": false},
        ],
        "exemptions": [{"pattern": "/health", "lifts": ["default", "meta"]}],
    });
    assert_eq!((run.code, run.json()), (0, expected));
    let run = limiter(&folder, &["check", "bad.toml", "--json"]);
    let report = run.json();
    assert_eq!(
        (run.code, &report["valid"], report["issues"].as_array().unwrap().len()),
        (1, &json!(false), 2)
    );
    assert_eq!(report["issues"][0]["line"], 1);
    assert_eq!(report["issues"][0]["message"], "unknown name `strategi`; did you mean `strategy`?");
}

#[test]
fn check_of_a_missing_file_is_a_problem() {
    let run = limiter(&Folder::new(&[]), &["check", "missing.toml"]);
    assert!(run.code == 1 && run.out.starts_with("missing.toml: unreadable file"), "{run:?}");
}

#[test]
fn check_of_a_moving_window_that_memory_cannot_hold_is_a_problem() {
    let text = b"strategy = 'moving-window'\ndefault_limits = '20000/day'";
    let run = limiter(&Folder::new(&[("limits.toml", text)]), &["check", "limits.toml"]);
    assert!(run.code == 1 && run.out.starts_with("limits.toml:2:"), "{run:?}");
}
