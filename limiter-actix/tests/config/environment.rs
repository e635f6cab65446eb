//! Settings from the environment. The variables are given, the process's own stay as they are.

use actix_web::{App, get};
use limiter_actix::{BuildError, Limiter};
use limiter_test_support::{
    app::{ask, get, request},
    log,
};

#[get("/")]
async fn index() -> &'static str {
    "ok"
}

/// Statuses and headers of some requests to an app under a limiter of these variables.
macro_rules! answers {
    ($variables:expr, $requests:expr) => {{
        let limiter = Limiter::builder().from_variables($variables).build().expect("a limiter");
        let app = actix_web::test::init_service(App::new().wrap(limiter).service(index)).await;
        let mut answers = Vec::new();
        for target in $requests {
            answers.push(ask(&app, request("GET", target)).await);
        }
        answers
    }};
}

#[actix_web::test]
async fn limits_of_each_tier() {
    for (variables, statuses) in [
        (vec![("RATELIMIT_DEFAULT", "2/minute")], [200, 200, 429, 429]),
        (vec![("RATELIMIT_DEFAULT", "4/minute; 1 per day")], [200, 429, 429, 429]),
        (vec![("RATELIMIT_DEFAULT", "4/minute"), ("RATELIMIT_DEFAULTS_COST", "2")], [200, 200, 429, 429]),
        (vec![("RATELIMIT_APPLICATION", "3/minute")], [200, 200, 200, 429]),
        (
            vec![("RATELIMIT_APPLICATION", "3/minute"), ("RATELIMIT_APPLICATION_COST", "3")],
            [200, 429, 429, 429],
        ),
        (vec![("RATELIMIT_DEFAULT", "2/minute"), ("RATELIMIT_ENABLED", "no")], [200; 4]),
        (vec![("RATELIMIT_DEFAULT", " "), ("RATELIMIT_STRATEGY", "")], [200; 4]),
        (
            vec![("RATELIMIT_DEFAULT", "2/minute"), ("RATELIMIT_STORAGE_URI", "memory://")],
            [200, 200, 429, 429],
        ),
        (vec![("DEFAULT", "1/minute"), ("RATE_LIMIT_DEFAULT", "1/minute")], [200; 4]),
    ] {
        let told: Vec<_> = answers!(variables.clone(), ["/"; 4]).iter().map(|answer| answer.status).collect();
        assert_eq!(told, statuses, "{variables:?}");
    }
}

#[actix_web::test]
async fn counts_per_method() {
    for (variable, limits) in [
        ("RATELIMIT_DEFAULTS_PER_METHOD", "RATELIMIT_DEFAULT"),
        ("RATELIMIT_APPLICATION_PER_METHOD", "RATELIMIT_APPLICATION"),
    ] {
        for (split, status) in [("false", 429), ("true", 405)] {
            let limiter = Limiter::builder().from_variables([(limits, "1/minute"), (variable, split)]);
            let app = App::new().wrap(limiter.build().expect("a limiter"));
            let app = app.service(actix_web::web::resource("/").get(async || "ok"));
            let app = actix_web::test::init_service(app).await;
            assert_eq!(get(&app, "/").await, 200);
            assert_eq!(ask(&app, request("POST", "/")).await.status, status, "{variable}={split}");
        }
    }
}

#[actix_web::test]
async fn meta_limits_from_variables() {
    let variables = [
        ("RATELIMIT_DEFAULT", "1/minute"),
        ("RATELIMIT_META", "1/hour"),
        ("RATELIMIT_HEADERS_ENABLED", "TRUE"),
    ];
    let answers = answers!(variables, ["/"; 3]);
    let limits: Vec<_> =
        answers.iter().map(|it| (it.status, it.header("x-ratelimit-reset").is_some())).collect();
    assert_eq!(limits, [(200, true), (429, true), (429, true)]);
    let waits: Vec<u64> =
        answers.iter().filter_map(|answer| answer.header("retry-after")?.parse().ok()).collect();
    assert!(waits.len() == 2 && waits.iter().all(|wait| *wait > 60), "{waits:?}");
}

/// The keys of requests to two paths with two values.
#[actix_web::test]
async fn keys_of_variables() {
    let targets = ["/?tenant=1", "/%2F?tenant=2", "/?tenant=2"];
    for (key, statuses) in [
        ("client_address", [200, 429, 429]),
        ("query tenant", [200, 200, 429]),
        ("query  tenant ", [200, 200, 429]),
        ("path", [200, 200, 429]),
        ("client_network 48", [200, 429, 429]),
    ] {
        let variables = [("RATELIMIT_APPLICATION", "1/minute"), ("RATELIMIT_KEY", key)];
        let seen = answers!(variables, targets);
        // Nothing is at the second path.
        let seen: Vec<_> = seen.iter().map(|it| if it.status == 404 { 200 } else { it.status }).collect();
        assert_eq!(seen, statuses, "{key}");
    }
}

#[actix_web::test]
async fn names_and_forms_of_headers() {
    let variables = [
        ("RATELIMIT_DEFAULT", "1/minute"),
        ("RATELIMIT_HEADERS_ENABLED", "1"),
        ("RATELIMIT_HEADER_LIMIT", "X-My-Limit"),
        ("RATELIMIT_HEADER_REMAINING", "X-My-Remaining"),
        ("RATELIMIT_HEADER_RESET", "X-My-Reset"),
        ("RATELIMIT_HEADER_RETRY_AFTER", "X-My-Wait"),
        ("RATELIMIT_HEADER_RETRY_AFTER_VALUE", "http-date"),
    ];
    let answers = answers!(variables, ["/"; 2]);
    assert_eq!(answers[1].header("x-my-limit"), Some("1"));
    assert_eq!(answers[1].header("x-my-remaining"), Some("0"));
    assert!(answers[1].header("x-my-reset").is_some());
    assert!(answers[1].header("x-my-wait").is_some_and(|date| date.ends_with("GMT")), "{answers:?}");
    assert_eq!(answers[1].header("retry-after"), None);
}

#[test]
fn invalid_values_name_variable_value_and_expectation() {
    const STRATEGIES: &str = "expected `fixed-window`, `fixed-window-elastic-expiry`, `moving-window`, \
                              `sliding-window-counter` or `token-bucket`";
    for (variable, value, message) in [
        ("ENABLED", "maybe", "expected `true` or `false`, found `maybe`"),
        ("DEFAULTS_PER_METHOD", "2", "expected `true` or `false`, found `2`"),
        ("HEADERS_ENABLED", "x-ratelimit", "expected `true` or `false`, found `x-ratelimit`"),
        (
            "KEY",
            "client",
            "expected one of `client_address`, `peer_address`, `bearer_token`, `path`, `header ..`, `cookie ..`, \
             `query ..`, `client_network ..`, found `client`",
        ),
        (
            "KEY",
            "pat",
            "expected one of `client_address`, `peer_address`, `bearer_token`, `path`, `header ..`, `cookie ..`, \
             `query ..`, `client_network ..`, found `pat`; did you mean `path`?",
        ),
        ("KEY", "header", "`header`: expected a header name, found ``"),
        ("KEY", "client_network 31", "`client_network`: expected a whole number from 32 to 128, found `31`"),
        ("HEADERS", "x-rate", "expected `true`, `false`, `x-ratelimit` or `ietf-draft-11`, found `x-rate`"),
        ("IPV6_PREFIX", "16", "expected a whole number from 32 to 128, found `16`"),
        (
            "TRUSTED_PROXIES",
            "10.0.0.0/40",
            "expected networks such as `10.0.0.0/8, fd00::1`, or `none`, found `10.0.0.0/40`",
        ),
        (
            "TRUSTED_PROXIES",
            "10.0.0.1",
            "expected RATELIMIT_TRUSTED_PROXY_HEADER too, such as `X-Forwarded-For`",
        ),
        ("TRUSTED_PROXY_HOPS", "1", "expected RATELIMIT_TRUSTED_PROXY_HEADER too, such as `X-Forwarded-For`"),
        ("TRUSTED_PROXY_HOPS", "0", "expected a whole number from 1 to 64, found `0`"),
        (
            "TRUSTED_PROXY_HEADER",
            "Forwarded",
            "expected RATELIMIT_TRUSTED_PROXIES, _HOPS or _UNIX_SOCKETS too",
        ),
        ("STORAGE_DEADLINE", "250", "expected a time from 1 ms to 60 s, such as `250 ms`, found `250`"),
        ("ON_STORAGE_FAILURE", "503", "expected `fallback`, `allow` or `deny`, found `503`"),
        ("LOG_ADDRESSES", "no", "expected `full`, `hashed` or `hidden`, found `no`"),
        ("LOG_KEYS", "user", "expected `user = full`, found `user`"),
        (
            "ROUTES",
            "/a 5/minute",
            "expected lines such as `/search = 5/minute` or `/health = exempt`, found `/a 5/minute`",
        ),
        (
            "ROUTES",
            "get /a = 5/minute",
            "`get /a`: expected methods in upper case, joined by commas, before the path",
        ),
        (
            "SCOPES",
            "/a = 5/fortnight",
            "expected second, minute, hour, day, week, month or year at byte 2, found `fortnight`, in `5/fortnight`",
        ),
        ("HEADER_LIMIT", "X My", "expected a header name, found `X My`"),
        ("HEADER_RETRY_AFTER_VALUE", "date", "expected `delta-seconds` or `http-date`, found `date`"),
        (
            "STRATEGY",
            "moving_window",
            &format!("{STRATEGIES}, found `moving_window`; did you mean `moving-window`?"),
        ),
        ("DEFAULT", "5/0 hours", "expected a window longer than zero at byte 2, found `0`, in `5/0 hours`"),
        ("DEFAULTS_COST", "2", "expected RATELIMIT_DEFAULT too, to whose limits it applies"),
        ("APPLICATION_COST", "-1", "expected a whole number from 0 to 18446744073709551615, found `-1`"),
        ("APPLICATION_PER_METHOD", "true", "expected RATELIMIT_APPLICATION too, to whose limits it applies"),
        (
            "STORAGE_URI",
            "postgres://user:secret@host",
            "the storage `postgres`: expected `memory`, `redis`, `valkey`, `memcached` or `mongodb`",
        ),
    ] {
        let variable = format!("RATELIMIT_{variable}");
        let error = Limiter::builder().from_variables([(variable.as_str(), value)]).build();
        let Err(BuildError::Config(error)) = error else { panic!("{variable}={value}: expected issues") };
        assert_eq!(error.to_string(), format!("{variable}: {message}"));
    }
}

/// The validity of a limit depends on a strategy that is set elsewhere.
#[test]
fn a_limit_beyond_its_strategy_names_its_variable() {
    let variables = [("RATELIMIT_DEFAULT", "20000/minute"), ("RATELIMIT_STRATEGY", "moving-window")];
    let error = Limiter::builder().from_variables(variables).build().expect_err("it cannot be");
    assert!(error.to_string().contains("\nRATELIMIT_DEFAULT: invalid limit: "), "{error}");
}

#[test]
fn unknown_variables_are_logged() {
    log::capture();
    let variables = [
        ("RATELIMIT_DEFAULTS", "5/minute"),
        ("RATELIMIT_STORAGE_OPTIONS", "{}"),
        ("RATELIMIT_KEY_FUNC", "f"),
        ("RATELIMIT_COLOUR", "red"),
        ("RATELIMIT_ENABLED", "true"),
    ];
    Limiter::builder().from_variables(variables).build().expect("a limiter");
    let said = log::here("L020");
    assert_eq!(said.len(), 4, "{said:#?}");
    assert!(said.iter().any(|line| line.contains("unknown name; did you mean `RATELIMIT_DEFAULT`?")));
    assert!(
        said.iter().any(|line| line.contains("RATELIMIT_KEY_FUNC") && line.contains("settable only in code"))
    );
    assert!(said.iter().any(|line| line.contains("unknown name") && line.contains("RATELIMIT_COLOUR")));
    let options = said.iter().find(|line| line.contains("RATELIMIT_STORAGE_OPTIONS")).expect("a line");
    assert!(options.contains("parameters of RATELIMIT_STORAGE_URI"), "{options}");
}

/// The workers of a server build the same limiter; a warning is logged for one of them.
#[test]
fn unknown_variables_are_logged_once_for_all_workers() {
    crate::in_worker(async || {
        log::capture();
        let build = || {
            Limiter::builder().from_variables([("RATELIMIT_DEFUALT", "1/day")]).build().expect("a limiter")
        };
        let _limiters = [(); 4].map(|()| build());
        assert_eq!(log::here("RATELIMIT_DEFUALT").len(), 1);
    });
}

/// All that a file can set, but options of single limits.
#[actix_web::test]
async fn clients_behind_proxies_are_found_by_variables() {
    let proxies =
        [("RATELIMIT_TRUSTED_PROXIES", "127.0.0.1"), ("RATELIMIT_TRUSTED_PROXY_HEADER", "X-Forwarded-For")];
    let hops = [("RATELIMIT_TRUSTED_PROXY_HOPS", "1"), ("RATELIMIT_TRUSTED_PROXY_HEADER", "X-Forwarded-For")];
    let none = [("RATELIMIT_TRUSTED_PROXIES", "none"), ("RATELIMIT_TRUSTED_PROXY_UNIX_SOCKETS", "false")];
    for (variables, second) in [(proxies, 200), (hops, 200), (none, 429)] {
        let variables =
            variables.into_iter().chain([("RATELIMIT_DEFAULT", "1/day"), ("RATELIMIT_IPV6_PREFIX", "48")]);
        let limiter = Limiter::builder().from_variables(variables).build().expect("a limiter");
        let app = actix_web::test::init_service(App::new().wrap(limiter).service(index)).await;
        let from = async |client: &str| {
            let request = request("GET", "/").peer_addr(([127, 0, 0, 1], 9).into());
            ask(&app, request.insert_header(("x-forwarded-for", client.to_owned()))).await.status
        };
        assert_eq!((from("2001:db8:0:1::1").await, from("2001:db8:1::1").await), (200, second));
        assert_eq!(from("2001:db8:0:2::1").await, 429, "the same network of 48 bits");
    }
}

#[actix_web::test]
async fn a_key_is_a_text_of_terms() {
    let key = "header X-Api-Key and query team or_else cookie session or_else client_network 64";
    let variables = [("RATELIMIT_DEFAULT", "1/day"), ("RATELIMIT_KEY", key)];
    let limiter = Limiter::builder().from_variables(variables).build().expect("a limiter");
    let app = actix_web::test::init_service(App::new().wrap(limiter).service(index)).await;
    let status = async |target: &str, header: (&'static str, &'static str)| {
        ask(&app, request("GET", target).insert_header(header)).await.status
    };
    for (target, header) in [
        ("/?team=1", ("x-api-key", "a")),
        ("/?team=2", ("x-api-key", "a")),
        ("/?team=1", ("x-api-key", "b")),
        ("/?team=1", ("cookie", "session=a")),
        ("/?team=1", ("accept", "*/*")),
    ] {
        assert_eq!(
            [status(target, header).await, status(target, header).await],
            [200, 429],
            "{target} {header:?}"
        );
    }
    for wrong in ["ip", "header", "header a and", "or_else client_address", "client_network 8", "header X My"]
    {
        let error = Limiter::builder().from_variables([("RATELIMIT_KEY", wrong)]).build().expect_err(wrong);
        let error = error.to_string();
        assert!(error.contains("RATELIMIT_KEY: ") && error.contains("expected"), "{error}");
    }
}

#[actix_web::test]
async fn rules_are_lines_of_patterns() {
    let variables = [
        ("RATELIMIT_DEFAULT", "1/day"),
        ("RATELIMIT_ROUTES", "\n  GET /search = 2/day; 9/year\n"),
        ("RATELIMIT_SCOPES", "/free = exempt\n/api=3/day"),
        ("RATELIMIT_HEADERS", "x-ratelimit, ietf-draft-11"),
        ("RATELIMIT_LOG_KEYS", "user = full, header x-api-key = hidden"),
        ("RATELIMIT_STORAGE_DEADLINE", "250 ms"),
    ];
    let limiter = Limiter::builder().from_variables(variables).build().expect("a limiter");
    let app = App::new().wrap(limiter);
    let app = ["/search", "/free/a", "/api/a", "/a"]
        .iter()
        .fold(app, |app, path| app.route(path, actix_web::web::get().to(async || "ok")));
    let app = actix_web::test::init_service(app).await;
    for (target, admitted) in [("/search", 2), ("/free/a", 4), ("/api/a", 3), ("/a", 1)] {
        let mut passed = 0;
        for _ in 0..4 {
            passed += u32::from(get(&app, target).await == 200);
        }
        assert_eq!(passed, admitted, "{target}");
    }
    let answer = ask(&app, request("GET", "/a")).await;
    assert!(answer.header("x-ratelimit-limit").is_some() && answer.header("ratelimit").is_some());
}
