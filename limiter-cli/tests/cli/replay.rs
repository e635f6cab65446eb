//! `limiter replay`.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    net::Ipv4Addr,
};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, MemoryStorage},
};
use serde_json::json;

use crate::support::{Folder, Numbers, client, limiter, line};

const LIMITS: &[u8] = b"default_limits = '3/minute'
application_limits = '400/hour'

[routes]
'POST /login' = '2/minute; 5/hour'
'/search' = { limits = { limit = '4/minute', override_defaults = false } }
'/reports/{id}' = { exempt = 'application' }

[scopes]
'/health' = { exempt = true }
'/api' = { limits = { limit = '6/minute', shared = 'api' } }
";

/// A request of the generated log: the client, the second, the method and the path.
type Request = (Ipv4Addr, u64, &'static str, String);

/// Returns requests of an hour. Some lines are out of order by up to three seconds.
fn requests(number: u64) -> Vec<Request> {
    let mut numbers = Numbers(7);
    let request = |index: u64| {
        // Few clients send most requests.
        let client = client(&mut numbers, 12);
        let second = (index * 3600 / number + 3).saturating_sub(numbers.below(4));
        let (method, path) = match numbers.below(7) {
            0 => ("POST", "/login".to_owned()),
            1 => ("GET", "/login".to_owned()),
            2 => ("GET", format!("/search?q={}", numbers.below(9))),
            3 => ("GET", format!("/reports/{}", numbers.below(50))),
            4 => ("GET", "/health/live".to_owned()),
            5 => ("GET", format!("/api/items/{}", numbers.below(50))),
            _ => ("HEAD", format!("/other/{}", numbers.below(50))),
        };
        (client, second, method, path)
    };
    (0..number).map(request).collect()
}

/// Returns the counts of a request: the scope of each, its amount and its window. The limits of one route have one scope,
/// default limits included, and with it one newest instant for lines that are out of order.
fn counts(method: &str, path: &str) -> Vec<(&'static str, u64, u64)> {
    let path = path.split('?').next().unwrap_or_default();
    let application = ("application", 400, 3600);
    match path {
        "/login" if method == "POST" => vec![application, ("login", 2, 60), ("login", 5, 3600)],
        "/login" => vec![application, ("login", 3, 60)],
        "/search" => vec![application, ("search", 3, 60), ("search", 4, 60)],
        _ if path.starts_with("/reports/") => vec![("reports", 3, 60)],
        _ if path.starts_with("/health") => vec![],
        _ if path.starts_with("/api") => vec![application, ("api", 6, 60)],
        _ => vec![application, ("unmatched", 3, 60)],
    }
}

fn route(path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or_default();
    let routes = [("/login", "/login"), ("/search", "/search"), ("/reports/", "/reports/{id}")];
    routes.into_iter().find(|(start, _)| path.starts_with(start)).map(|(_, route)| route)
}

#[test]
fn replay_agrees_with_the_storage_deciding_the_same_requests() {
    let number = env::var("LIMITER_REPLAY_LINES").map_or(20_000, |lines| lines.parse().expect("a number"));
    let requests = requests(number);
    let mut log = String::new();
    let (storage, mut refused, mut clients) = (MemoryStorage::new(), BTreeMap::new(), BTreeSet::new());
    for (client, second, method, path) in &requests {
        log += &line(&client.to_string(), *second, &format!("{method} {path}"));
        let counts = counts(method, path);
        let scopes: Vec<_> = counts.iter().map(|(name, ..)| Scope::new([*name])).collect();
        let policies: Vec<_> = counts
            .iter()
            .map(|(_, amount, window)| {
                let quota: Quota = format!("{amount} per {window} seconds").parse().expect("a quota");
                Policy::new(quota, Strategy::FixedWindow)
            })
            .collect();
        let key = Key::address((*client).into(), 64);
        let hits: Vec<_> =
            scopes.iter().zip(&policies).map(|(scope, policy)| Hit::new(scope, &key, policy)).collect();
        let now = Timestamp::from_millis((1_791_550_800 + second) * 1000);
        if !hits.is_empty() && !storage.decide(&Batch::new(&hits), now).is_admitted() {
            *refused.entry(route(path)).or_insert(0) += 1;
            clients.insert(*client);
        }
    }
    assert!(refused.len() == 4 && clients.len() > 20, "{refused:?}");
    let folder = Folder::new(&[("limits.toml", LIMITS), ("a.log", log.as_bytes())]);
    let report = limiter(&folder, &["replay", "limits.toml", "a.log", "--json"]).json();
    assert_eq!(report["log"]["requests"], number);
    assert_eq!(report["refused"], refused.values().sum::<u64>());
    assert_eq!(report["clients"]["refused"], clients.len());
    for row in report["routes"].as_array().expect("rows") {
        let expected = refused.get(&row["route"].as_str()).copied().unwrap_or(0);
        assert_eq!(row["refused"], expected, "{row}");
    }
    let by_limits: u64 = report["limits"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["refused"].as_u64().expect("a number"))
        .sum();
    assert_eq!(report["refused"], by_limits);
}

/// A login that fails twelve times, and others.
fn small_log() -> String {
    let mut log = String::new();
    for second in 0..12 {
        log += &line("192.0.2.1", second, "POST /login");
    }
    for second in 0..4 {
        log += &line("2001:db8::1", second, "GET /a");
        log += &line("2001:db8::2", second, "GET /b");
    }
    log
}

#[test]
fn replay_shows_tables() {
    let limits = b"default_limits = '5/minute'\n[routes]\n'POST /login' = '5/minute'";
    let folder = Folder::new(&[("limits.toml", limits), ("a.log", small_log().as_bytes())]);
    let run = limiter(&folder, &["replay", "limits.toml", "a.log"]);
    let expected = "\
20 requests from 2026-10-09T13:00:00Z to 2026-10-09T13:00:11Z (11 s)
10 refused (50.00 %)
2 clients, 100.00 % of them refused at least once

Limits
level    limit           refused    share  clients  shadow
route    5 per 1 minute        7  35.00 %        1       0
default  5 per 1 minute        3  15.00 %        1       0

Routes
route            requests  refused    share
/login                 12        7  58.33 %
unmatched paths         8        3  37.50 %

Where limits refused
route            level    limit           refused
/login           route    5 per 1 minute        7
unmatched paths  default  5 per 1 minute        3

Clients refused most
client      refused  first                 last                  level    last refused by  longest wait
192.0.2.1         7  2026-10-09T13:00:05Z  2026-10-09T13:00:11Z  route    5 per 1 minute           55 s
2001:db8::        3  2026-10-09T13:00:02Z  2026-10-09T13:00:03Z  default  5 per 1 minute           58 s

Notes
8 requests match no known route, so default limits count them together. Name the routes of the app with --route or \
--routes, or try --guess-routes.
";
    assert_eq!((run.code, run.out.as_str(), run.errors.as_str()), (0, expected, ""));
}

#[test]
fn routes_of_the_app_may_be_given() {
    let folder = Folder::new(&[
        ("limits.toml", b"default_limits = '3/minute'"),
        ("routes.txt", b"# ours\n\n/a\n/b\n"),
        ("a.log", small_log().as_bytes()),
    ]);
    for arguments in [&["--routes", "routes.txt"][..], &["--route", "/a", "--route", "/b"]] {
        let run = limiter(&folder, &[&["replay", "limits.toml", "a.log", "--json"], arguments].concat());
        let expected = json!([
            {"route": null, "requests": 12, "refused": 9},
            {"route": "/a", "requests": 4, "refused": 1},
            {"route": "/b", "requests": 4, "refused": 1},
        ]);
        let mut rows = run.json()["routes"].clone();
        rows.as_array_mut().expect("rows").sort_by_key(|row| row["route"].as_str().map(str::to_owned));
        assert_eq!(rows, expected, "{arguments:?}");
    }
}

#[test]
fn routes_may_be_guessed() {
    let paths = ["/users/7", "/users/8", "/users/me", "/a", "/a/", "/items/1"];
    let log = paths.map(|path| line("192.0.2.1", 0, &format!("GET {path}"))).concat();
    let limits = b"default_limits = '1/minute'\n[routes]\n'/items/{id}' = '9/minute'";
    let folder = Folder::new(&[("limits.toml", limits), ("a.log", log.as_bytes())]);
    let arguments = ["replay", "limits.toml", "a.log", "--json", "--guess-routes"];
    let mut rows = limiter(&folder, &arguments).json()["routes"].clone();
    rows.as_array_mut().expect("rows").sort_by_key(|row| row["route"].as_str().map(str::to_owned));
    let expected = json!([
        {"route": null, "requests": 1, "refused": 0},
        {"route": "/a", "requests": 1, "refused": 0},
        {"route": "/items/{id}", "requests": 1, "refused": 0},
        {"route": "/users/me", "requests": 1, "refused": 0},
        {"route": "/users/{p1}", "requests": 2, "refused": 1},
    ]);
    assert_eq!(rows, expected);
    let run = limiter(&folder, &["replay", "limits.toml", "-", "--guess-routes"]);
    assert_eq!(run.code, 2, "{run:?}");
}

#[test]
fn plain_routes_come_before_parameters() {
    let log = [line("192.0.2.1", 0, "GET /users/me"), line("192.0.2.1", 0, "GET /users/7")].concat();
    let limits = b"[routes]\n'/users/{id}' = '9/minute'\n'/users/me' = '0/minute'";
    let folder = Folder::new(&[("limits.toml", limits), ("a.log", log.as_bytes())]);
    let report = limiter(&folder, &["replay", "limits.toml", "a.log", "--json"]).json();
    assert_eq!(report["routes"][0], json!({"route": "/users/me", "requests": 1, "refused": 1}));
}

#[test]
fn meta_and_shadow_limits_are_told_apart() {
    let limits = b"application_limits = [{ limit = '1/minute', shadow = true, name = 'trial' }, '3/minute']
meta_limits = '2/minute'";
    let log: String = (0..8).map(|second| line("192.0.2.1", second, "GET /")).collect();
    let folder = Folder::new(&[("limits.toml", limits), ("a.log", log.as_bytes())]);
    let report = limiter(&folder, &["replay", "limits.toml", "a.log", "--json"]).json();
    assert_eq!(
        report["limits"],
        json!([
            {"level": "meta", "limit": "2 per 1 minute", "refused": 3, "shadow": 0, "clients": 1},
            {"level": "application", "limit": "3 per 1 minute", "refused": 2, "shadow": 0, "clients": 1},
            {"level": "shadow", "limit": "trial", "refused": 0, "shadow": 2, "clients": 0},
        ])
    );
}

#[test]
fn a_limiter_that_is_off_refuses_nothing_and_a_note_names_it() {
    let folder = Folder::new(&[
        ("limits.toml", b"enabled = false\napplication_limits = '0/minute'"),
        ("a.log", small_log().as_bytes()),
    ]);
    let run = limiter(&folder, &["replay", "limits.toml", "a.log"]);
    assert!(run.out.contains("0 refused") && run.out.contains("switches the limiter off"), "{}", run.out);
}

#[test]
fn more_refusals_than_wanted_are_a_problem() {
    let folder = Folder::new(&[
        ("limits.toml", b"[routes]\n'POST /login' = '2/minute'"),
        ("a.log", small_log().as_bytes()),
    ]);
    for (percent, code) in [("49.9", 1), ("50", 0)] {
        let run = limiter(&folder, &["replay", "limits.toml", "a.log", "--max-refused", percent]);
        assert_eq!(run.code, code, "{percent}: {run:?}");
    }
}

#[test]
fn errors_in_the_settings_are_shown() {
    let folder = Folder::new(&[("limits.toml", b"default_limits = 'five'"), ("a.log", b"")]);
    let run = limiter(&folder, &["replay", "limits.toml", "a.log"]);
    assert!(run.code == 1 && run.errors.contains("limits.toml:1:"), "{run:?}");
}

#[test]
fn the_storage_of_the_settings_is_not_called() {
    let limits = b"storage_uri = 'redis://127.0.0.1:1'\napplication_limits = '2/minute'";
    let folder = Folder::new(&[("limits.toml", limits), ("a.log", small_log().as_bytes())]);
    let report = limiter(&folder, &["replay", "limits.toml", "a.log", "--json"]).json();
    assert_eq!(report["refused"], 16);
}

#[test]
fn many_counts_in_little_memory_are_noted() {
    let mut log = String::new();
    for second in 0..3 {
        for client in 0..5000_u32 {
            let client = Ipv4Addr::from_bits(0x0a00_0000 + client);
            write!(log, "{}", line(&client.to_string(), second, "GET /")).expect("memory is writable");
        }
    }
    let folder = Folder::new(&[("limits.toml", b"application_limits = '2/hour'"), ("a.log", log.as_bytes())]);
    let refused = |counts: &str| {
        let run = limiter(&folder, &["replay", "limits.toml", "a.log", "--json", "--max-counts", counts]);
        let report = run.json();
        let is_noted = report["notes"].to_string().contains("--max-counts");
        (report["refused"].as_u64().expect("a number"), is_noted)
    };
    assert_eq!(refused("10000"), (5000, false));
    let (few, is_noted) = refused("1000");
    assert!(few < 5000 && is_noted);
}
