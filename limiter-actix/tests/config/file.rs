//! Each setting of a file.

use actix_web::{App, web};
use limiter_actix::{Limiter, ManualClock, Timestamp};
use limiter_test_support::app::{ask, request};

use crate::Settings;

/// Some requests and what is expected of them: method, path, headers, status.
type Requests<'a> = &'a [(&'a str, &'a str, &'a [(&'a str, &'a str)], u16)];

/// Sends the requests to an app under a limiter of this file.
async fn holds(text: &str, requests: Requests<'_>) {
    let settings = Settings::new(text);
    let limiter = Limiter::builder().from_file(&settings.path).build();
    let limiter = limiter.unwrap_or_else(|error| panic!("{text}: {error}"));
    let paths = ["/", "/a", "/b", "/in/a", "/in/b", "/in/out"];
    let app = paths.iter().fold(App::new().wrap(limiter), |app, path| {
        app.service(web::resource(*path).get(async || "ok").post(async || "ok"))
    });
    let app = actix_web::test::init_service(app).await;
    for (index, (method, path, headers, status)) in requests.iter().enumerate() {
        let request = headers.iter().fold(request(method, path), |it, header| it.append_header(*header));
        let answer = ask(&app, request).await;
        assert_eq!(answer.status, *status, "{text}\nrequest {index}: {method} {path} {headers:?} {answer:?}");
    }
}

const NONE: &[(&str, &str)] = &[];

#[actix_web::test]
async fn tiers_of_a_file() {
    holds(
        "default_limits = '1/minute'",
        &[("GET", "/a", NONE, 200), ("GET", "/b", NONE, 200), ("GET", "/a", NONE, 429)],
    )
    .await;
    holds(
        "application_limits = ['2/minute', '5/hour']",
        &[("GET", "/a", NONE, 200), ("GET", "/b", NONE, 200), ("GET", "/", NONE, 429)],
    )
    .await;
    holds(
        "default_limits = '1/minute'\nmeta_limits = '1/hour'",
        &[("GET", "/a", NONE, 200), ("GET", "/a", NONE, 429), ("GET", "/b", NONE, 429)],
    )
    .await;
    holds("enabled = false\ndefault_limits = '0/minute'", &[("GET", "/a", NONE, 200)]).await;
}

#[actix_web::test]
async fn where_default_limits_hold() {
    holds(
        "default_limits = '1/minute'\ndefault_limits_per_method = true",
        &[("GET", "/a", NONE, 200), ("POST", "/a", NONE, 200), ("GET", "/a", NONE, 429)],
    )
    .await;
    holds(
        "default_limits = '1/minute'\ndefault_limits_on_unmatched = false",
        &[("GET", "/x", NONE, 404), ("GET", "/y", NONE, 404)],
    )
    .await;
    let preflight = &[("Origin", "https://a.b"), ("Access-Control-Request-Method", "GET")];
    for (on_preflight, status) in [(false, 405), (true, 429)] {
        holds(
            &format!("default_limits = '1/minute'\ndefault_limits_on_preflight = {on_preflight}"),
            &[("OPTIONS", "/a", preflight, 405), ("OPTIONS", "/a", preflight, status)],
        )
        .await;
    }
}

#[actix_web::test]
async fn options_of_limits_in_a_file() {
    let of = |options: &str| format!("default_limits = {{ limit = '4/minute', {options} }}");
    let twice = |second| [("GET", "/a", NONE, 200), ("GET", "/a", NONE, second)];
    holds(&of("cost = 4"), &twice(429)).await;
    holds(&of("cost = 2"), &twice(200)).await;
    holds(&of("strategy = 'token-bucket', burst = 1"), &twice(429)).await;
    holds(
        &of("cost = 4, methods = 'POST'"),
        &[
            ("GET", "/a", NONE, 200),
            ("GET", "/a", NONE, 200),
            ("POST", "/a", NONE, 200),
            ("POST", "/a", NONE, 429),
        ],
    )
    .await;
    holds(&of("cost = 4, per_method = true"), &[("GET", "/a", NONE, 200), ("POST", "/a", NONE, 200)]).await;
    holds(&of("cost = 4, shadow = true, refund_on_drop = true"), &twice(200)).await;
    holds(&of("cost = 4, shared = 'all'"), &[("GET", "/a", NONE, 200), ("GET", "/b", NONE, 429)]).await;
    holds(
        &of("cost = 4, key = { query = 'k' }"),
        &[("GET", "/a?k=1", NONE, 200), ("GET", "/a?k=2", NONE, 200)],
    )
    .await;
    holds(
        &of("cost = 4, ban = '1 h after 2 breaches in 1 h'"),
        &[
            ("GET", "/a", NONE, 200),
            ("GET", "/a", NONE, 429),
            ("GET", "/a", NONE, 429),
            ("GET", "/b", NONE, 403),
        ],
    )
    .await;
    holds(
        "default_limits = { limit = '1/second', meta = ['1/hour', '9/day'] }",
        &[("GET", "/a", NONE, 200), ("GET", "/a", NONE, 429)],
    )
    .await;
    holds("default_limits = '1/minute'\n[routes]\n'/a' = { limits = { limit = '9/minute', override_defaults = false } }", &twice(429))
        .await;
    holds("default_limits = '1/minute'\n[routes]\n'/a' = '9/minute'", &twice(200)).await;
}

#[actix_web::test]
async fn name_message_and_own_meta_limits() {
    let settings = Settings::new(
        "headers = 'ietf-draft-11'\n\
         [[default_limits]]\nlimit = '1/minute'\nname = 'pages'\nerror_message = 'slower'\nmeta = '1/day'\n",
    );
    let limiter = Limiter::builder().from_file(&settings.path).build().expect("a limiter");
    let app = App::new().wrap(limiter).route("/", web::get().to(async || "ok"));
    let app = actix_web::test::init_service(app).await;
    let first = ask(&app, request("GET", "/")).await;
    assert!(first.header("ratelimit-policy").is_some_and(|it| it.contains("\"pages\"")), "{first:?}");
    let refused = ask(&app, request("GET", "/")).await;
    assert!(refused.body.contains("slower"), "{refused:?}");
    let shut_out = ask(&app, request("GET", "/")).await;
    let wait: Option<u64> = shut_out.header("retry-after").and_then(|it| it.parse().ok());
    assert!(wait.is_some_and(|wait| wait > 60), "{shut_out:?}");
}

#[actix_web::test]
async fn rules_by_pattern_in_a_file() {
    let text = "
        default_limits = '1/minute'
        application_limits = '4/minute'
        [routes]
        'POST /a' = '2/minute'
        '/b' = { exempt = true }
        [scopes]
        '/in' = { limits = '1/hour', exempt = ['default', 'application'] }
        '/in/out' = { exempt = 'scopes' }
    ";
    let ok = |method, path| (method, path, NONE, 200);
    let no = |method, path| (method, path, NONE, 429);
    holds(
        text,
        &[
            ok("POST", "/a"),
            ok("POST", "/a"),
            no("POST", "/a"),
            ok("GET", "/a"),
            no("GET", "/a"),
            ok("GET", "/b"),
            ok("GET", "/b"),
            ok("GET", "/in/a"),
            no("GET", "/in/a"),
            ok("GET", "/in/b"),
            ok("GET", "/"),
            no("GET", "/"),
            ok("GET", "/in/out"),
        ],
    )
    .await;
}

#[actix_web::test]
async fn keys_of_a_file() {
    type Sent = &'static [(&'static str, &'static str)];
    let different: [(&str, Sent, Sent); 8] = [
        ("{ header = 'a', fold_case = false }", &[("a", "Alice")], &[("a", "alice")]),
        (
            "{ header = 'a', and = { header = 'b' }, fold_case = true }",
            &[("a", "x"), ("b", "Y")],
            &[("a", "X"), ("b", "y")],
        ),
        ("{ header = 'X-Api-Key' }", &[("x-api-key", "1")], &[("x-api-key", "2")]),
        ("{ cookie = 'session' }", &[("cookie", "session=1")], &[("cookie", "session=2")]),
        ("'bearer_token'", &[("authorization", "Bearer 1")], &[("authorization", "Bearer 2")]),
        ("{ header = 'a', and = { header = 'b' } }", &[("a", "1"), ("b", "1")], &[("a", "1"), ("b", "2")]),
        ("{ header = 'a', or_else = { header = 'b' } }", &[("b", "1")], &[("b", "2")]),
        (
            "{ key = { header = 'a', or_else = { header = 'b' } }, and = 'client_address' }",
            &[("a", "1")],
            &[("b", "1")],
        ),
    ];
    for (key, one, other) in different {
        let text = format!("default_limits = '1/minute'\nkey = {key}");
        holds(&text, &[("GET", "/", one, 200), ("GET", "/", other, 200), ("GET", "/", one, 429)]).await;
    }
    let same: [(&str, Sent, Sent); 7] = [
        ("{ header = 'a', fold_case = true }", &[("a", "Alice")], &[("a", "alice")]),
        ("{ header = 'a', fold_blanks = true }", &[("a", "Ann  Lee")], &[("a", "Ann Lee")]),
        ("'client_address'", &[("a", "1")], &[("a", "2")]),
        ("'peer_address'", &[("a", "1")], &[("a", "2")]),
        ("{ client_network = 48 }", &[("a", "1")], &[("a", "2")]),
        // Missing keys fall back to the address.
        ("{ header = 'a', and = { header = 'b' } }", &[("a", "1")], &[("b", "1")]),
        // First both, then instead of both.
        (
            "{ header = 'a', and = { header = 'b' }, or_else = { header = 'c' } }",
            &[("a", "1"), ("c", "3")],
            &[("a", "2"), ("c", "3")],
        ),
    ];
    for (key, one, other) in same {
        let text = format!("default_limits = '1/minute'\nkey = {key}");
        holds(&text, &[("GET", "/", one, 200), ("GET", "/", other, 429)]).await;
    }
}

/// One count for each path, however it is spelt and whoever requests it. Nothing is at these paths.
#[actix_web::test]
async fn paths_as_keys() {
    let [one, other] = [&[("a", "1")][..], &[("a", "2")]];
    for (key, spelt, status) in [
        ("'path'", "/B/%61", 404),
        ("{ key = 'path', fold_case = true }", "/B/%61", 429),
        ("{ key = 'path', and = { header = 'a' } }", "/b/a", 404),
    ] {
        let text = format!("application_limits = {{ limit = '1/minute', key = {key} }}");
        holds(
            &text,
            &[
                ("GET", "/b/a", one, 404),
                ("GET", "/b/%61", one, 429),
                ("GET", "/b/c", one, 404),
                ("GET", spelt, other, status),
            ],
        )
        .await;
    }
}

#[actix_web::test]
async fn proxies_of_a_file() {
    for (proxies, statuses) in [
        ("'none'", [200, 429, 429]),
        ("{ header = 'X-Forwarded-For', networks = ['127.0.0.0/8', '::1'] }", [200, 200, 429]),
        ("{ header = 'x-forwarded-for', hops = 1 }", [200, 200, 429]),
        ("{ header = 'Forwarded', networks = '127.0.0.1' }", [200, 429, 429]),
        ("{ header = 'X-Forwarded-For', unix_sockets = true }", [200, 429, 429]),
    ] {
        let text = format!("default_limits = '1/minute'\ntrusted_proxies = {proxies}");
        let from = |address: &'static str| [("x-forwarded-for", address)];
        let (one, other) = (from("192.0.2.1"), from("192.0.2.2"));
        let sent = [&one[..], &other[..], &one[..]];
        let requests: Vec<_> =
            sent.iter().zip(statuses).map(|(sent, status)| ("GET", "/", *sent, status)).collect();
        holds(&text, &requests).await;
    }
    // Two networks of 56 bits within one of 48.
    let proxies = "trusted_proxies = { header = 'X-Forwarded-For', hops = 1 }\ndefault_limits = '1/minute'";
    for (bits, status) in [(48, 429), (56, 200)] {
        holds(
            &format!("ipv6_prefix = {bits}\n{proxies}"),
            &[
                ("GET", "/", &[("x-forwarded-for", "2001:db8:0:100::1")], 200),
                ("GET", "/", &[("x-forwarded-for", "2001:db8:0:200::1")], status),
            ],
        )
        .await;
    }
}

/// The headers of the first and the second answer under `1/minute`.
async fn headers(text: &str) -> [Vec<(String, String)>; 2] {
    let settings = Settings::new(&format!("default_limits = '1/minute'\n{text}"));
    let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
    let limiter = Limiter::builder().clock(std::sync::Arc::new(clock)).from_file(&settings.path);
    let limiter = limiter.build().expect("a limiter");
    let app = App::new().wrap(limiter).route("/", web::get().to(async || "ok"));
    let app = actix_web::test::init_service(app).await;
    [ask(&app, request("GET", "/")).await.headers, ask(&app, request("GET", "/")).await.headers]
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
}

#[actix_web::test]
async fn responses_of_a_file() {
    let [first, refused] = headers("").await;
    assert_eq!(value(&first, "x-ratelimit-limit"), None);
    assert_eq!(value(&refused, "retry-after"), Some("60"));
    let [first, _] = headers("headers = true").await;
    assert_eq!(value(&first, "x-ratelimit-limit"), Some("1"));
    assert_eq!(value(&first, "ratelimit"), None);
    let [first, _] = headers("headers = ['x-ratelimit', 'ietf-draft-11']").await;
    assert_eq!(value(&first, "x-ratelimit-limit"), Some("1"));
    assert!(value(&first, "ratelimit").is_some());
    let [_, refused] = headers("retry_after = 'http-date'").await;
    assert_eq!(value(&refused, "retry-after"), Some("Tue, 14 Nov 2023 22:14:20 GMT"));
    let names =
        "headers = true\n[header_names]\nlimit = 'A'\nremaining = 'B'\nreset = 'C'\nretry_after = 'D'";
    let [_, refused] = headers(names).await;
    let values = ["a", "b", "c", "d"].map(|name| value(&refused, name));
    assert_eq!(values, [Some("1"), Some("0"), Some("1700000060"), Some("60")]);
}

/// Two programs on one storage count apart by their prefixes.
#[actix_web::test]
async fn prefixes_tell_programs_apart() {
    let memory = std::sync::Arc::new(limiter_actix::storage::MemoryStorage::new());
    let mut statuses = Vec::new();
    for prefix in ["a", "b", "a"] {
        let settings = Settings::new(&format!("default_limits = '1/minute'\nkey_prefix = '{prefix}'"));
        let limiter = Limiter::builder().memory_storage(memory.clone()).from_file(&settings.path);
        let app =
            App::new().wrap(limiter.build().expect("a limiter")).route("/", web::get().to(async || "ok"));
        let app = actix_web::test::init_service(app).await;
        statuses.push(ask(&app, request("GET", "/")).await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[test]
fn an_empty_file_is_valid() {
    for text in ["", "# nothing\n", "\u{feff}enabled = true", "[routes]\n[scopes]\n"] {
        let settings = Settings::new(text);
        limiter_actix::check_file(&settings.path).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[actix_web::test]
async fn responses_to_banned_clients() {
    let settings = Settings::new("ban_status = 429\nshow_ban_reason = true");
    let limiter = Limiter::builder().from_file(&settings.path).build().expect("a limiter");
    let app = App::new().wrap(limiter.clone()).route("/", web::to(async || "ok"));
    let app = actix_web::test::init_service(app).await;
    let client = std::net::IpAddr::from([127, 0, 0, 1]);
    limiter.ban(client, std::time::Duration::from_secs(60), "scraping").await.expect("a ban");
    let answer = ask(&app, request("GET", "/")).await;
    assert!(answer.status == 429 && answer.body.contains("scraping"), "{answer:?}");
}
