//! Code goes before the environment, that before the file, and that before the defaults.

use std::{fmt::Write, future::pending, sync::Arc, time::Duration};

use actix_web::{App, dev::ServiceRequest, http::header::HeaderName, web};
use limiter_actix::{
    Clock, HeaderNames, Key, Limit, Limiter, LimiterBuilder, ManualClock, Quota, RetryAfter, Timestamp,
    storage::MemoryStorage,
};
use limiter_test_support::{
    app::{ask, request},
    log,
};

use crate::Settings;

type InCode = fn(LimiterBuilder, &str) -> LimiterBuilder;

/// A setting that all three can make.
struct Row {
    variable: &'static str,
    /// Its line in the file, before the value.
    in_file: &'static str,
    in_code: InCode,
    /// Its values in code, in the environment and in the file.
    values: [&'static str; 3],
    is_text: bool,
}

const fn row(
    variable: &'static str,
    in_file: &'static str,
    in_code: InCode,
    values: [&'static str; 3],
) -> Row {
    Row { variable, in_file, in_code, values, is_text: true }
}

/// Of two values, each pair of sources must have different ones once.
const fn switch(variable: &'static str, in_file: &'static str, in_code: InCode) -> [Row; 2] {
    let one = Row { variable, in_file, in_code, values: ["true", "false", "false"], is_text: false };
    let two = Row { variable, in_file, in_code, values: ["true", "false", "true"], is_text: false };
    [one, two]
}

fn rows() -> Vec<Row> {
    let mut rows = vec![
        row(
            "RATELIMIT_DEFAULT",
            "default_limits",
            |it, v| it.default_limits(v),
            ["2/minute", "3/minute", "4/minute"],
        ),
        row(
            "RATELIMIT_APPLICATION",
            "application_limits",
            |it, v| it.application_limits(v),
            ["1/hour", "2/hour", "3/hour"],
        ),
        row("RATELIMIT_META", "meta_limits", |it, v| it.meta_limits(v), ["1/hour", "2/hour", "1/day"]),
        row(
            "RATELIMIT_STRATEGY",
            "strategy",
            |it, v| it.strategy(v.parse().expect("a strategy")),
            ["token-bucket", "sliding-window-counter", "moving-window"],
        ),
        row("RATELIMIT_KEY_PREFIX", "key_prefix", |it, v| it.key_prefix(v), ["once", "twice", "thrice"]),
        row("RATELIMIT_HEADER_LIMIT", "header_names.limit", with_limit_header, ["x-a", "x-b", "x-c"]),
        row(
            "RATELIMIT_HEADER_RETRY_AFTER_VALUE",
            "retry_after",
            with_retry_after,
            ["http-date", "delta-seconds", "delta-seconds"],
        ),
        row(
            "RATELIMIT_HEADER_RETRY_AFTER_VALUE",
            "retry_after",
            with_retry_after,
            ["http-date", "delta-seconds", "http-date"],
        ),
    ];
    rows.extend(switch("RATELIMIT_ENABLED", "enabled", |it, v| it.enabled(v == "true")));
    rows.extend(switch("RATELIMIT_HEADERS_ENABLED", "headers", |it, v| it.headers(v == "true")));
    let per_method: InCode = |it, v| it.default_limits_per_method(v == "true");
    rows.extend(switch("RATELIMIT_DEFAULTS_PER_METHOD", "default_limits_per_method", per_method));
    rows
}

fn with_limit_header(builder: LimiterBuilder, name: &str) -> LimiterBuilder {
    let limit = HeaderName::try_from(name).expect("a header");
    builder.header_names(HeaderNames { limit, ..HeaderNames::default() })
}

fn with_retry_after(builder: LimiterBuilder, form: &str) -> LimiterBuilder {
    builder.retry_after(if form == "http-date" { RetryAfter::HttpDate } else { RetryAfter::Seconds })
}

/// What the row does not set, in the file, where all others go before it.
fn basis(row: &Row) -> String {
    let mut text = String::new();
    for line in ["default_limits = '4/minute'", "headers = true"] {
        if !line.starts_with(&format!("{} ", row.in_file)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The same, with counts that were there before under some prefixes.
async fn memory(clock: &Arc<ManualClock>) -> Arc<MemoryStorage> {
    let memory = Arc::new(MemoryStorage::new());
    for (prefix, requests) in [("once", 1), ("twice", 2), ("thrice", 3)] {
        let limiter = Limiter::builder().memory_storage(Arc::clone(&memory)).key_prefix(prefix);
        let limiter = limiter.clock(Arc::clone(clock) as Arc<dyn Clock>).default_limits("4/minute").build();
        let app = App::new().wrap(limiter.expect("a limiter")).route("/", web::get().to(async || "ok"));
        let app = actix_web::test::init_service(app).await;
        for _ in 0..requests {
            ask(&app, request("GET", "/")).await;
        }
    }
    memory
}

/// All that can be seen from outside of a limiter: some requests and their answers.
async fn seen(builder: LimiterBuilder) -> String {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let memory = memory(&clock).await;
    let limiter = builder.memory_storage(memory).clock(Arc::clone(&clock) as Arc<dyn Clock>).build();
    let limiter = limiter.expect("a limiter");
    let mut seen = String::new();
    let app = App::new().wrap(limiter).service(web::resource("/").get(async || "ok").post(async || "ok"));
    let app = actix_web::test::init_service(app).await;
    for (method, wait) in [
        ("GET", 0),
        ("GET", 20),
        ("POST", 0),
        ("POST", 1),
        ("GET", 1),
        ("GET", 25),
        ("GET", 20),
        ("POST", 4000),
    ] {
        let answer = ask(&app, request(method, "/")).await;
        let mut headers = answer.headers.clone();
        headers.sort();
        writeln!(seen, "{method} {} {headers:?}", answer.status).expect("a text takes more");
        clock.advance(Duration::from_secs(wait));
    }
    seen
}

/// Sets the setting in code, in the environment and in the file, in this order.
fn say(row: &Row, order: [usize; 3], says: [bool; 3], file: &Settings) -> LimiterBuilder {
    order.into_iter().fold(Limiter::builder(), |builder, source| match source {
        0 if says[0] => (row.in_code)(builder, row.values[0]),
        1 if says[1] => builder.from_variables([(row.variable, row.values[1])]),
        2 => builder.from_file(&file.path),
        _ => builder,
    })
}

fn file(row: &Row, says: bool) -> Settings {
    let mut text = basis(row);
    if says {
        let (name, value) = (row.in_file, row.values[2]);
        let quote = if row.is_text { "'" } else { "" };
        writeln!(text, "{name} = {quote}{value}{quote}").expect("a text takes more");
    }
    Settings::new(&text)
}

#[actix_web::test]
async fn code_goes_before_environment_file_and_default() {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for row in rows() {
        let nothing = file(&row, false);
        let mut expected = Vec::new();
        for value in row.values {
            let builder = Limiter::builder().from_file(&nothing.path);
            expected.push(seen((row.in_code)(builder, value)).await);
        }
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let are_same = row.values[one] == row.values[other];
            assert_eq!(
                expected[one] == expected[other],
                are_same,
                "{}: values are not told apart",
                row.variable
            );
        }
        let default = seen(Limiter::builder().from_file(&nothing.path)).await;
        for subset in 0..8 {
            let says = [subset & 1 != 0, subset & 2 != 0, subset & 4 != 0];
            let winner = says.iter().position(|says| *says).map_or(&default, |winner| &expected[winner]);
            let file = file(&row, says[2]);
            for order in ORDERS {
                let seen = seen(say(&row, order, says, &file)).await;
                assert_eq!(
                    &seen, winner,
                    "{}: said by {says:?}, called in the order {order:?}",
                    row.variable
                );
            }
        }
    }
}

/// The deadline of async functions, as the log shows it when one is late.
#[actix_web::test]
async fn the_deadline_of_functions_is_that_of_code() {
    log::capture();
    let file = Settings::new("function_deadline_ms = 2\n");
    let in_file = || Limiter::builder().from_file(&file.path);
    let in_environment = |it: LimiterBuilder| it.from_variables([("RATELIMIT_FUNCTION_DEADLINE_MS", "3")]);
    for (builder, deadline) in [
        (in_file(), "2ms"),
        (in_environment(in_file()), "3ms"),
        (in_environment(in_file().function_deadline(Duration::from_millis(4))), "4ms"),
        (Limiter::builder(), "250ms"),
    ] {
        let never =
            Limit::new(Quota::per_minute(1)).key_async(async |_: &ServiceRequest| pending::<Key>().await);
        let app = App::new().wrap(builder.default_limits(never).build().expect("a limiter"));
        let app = actix_web::test::init_service(app.route("/", web::get().to(async || "ok"))).await;
        assert_eq!(ask(&app, request("GET", "/")).await.status, 200);
        assert_eq!(log::here(&format!("no answer within {deadline}")).len(), 1, "{deadline}");
    }
    for (text, issue) in [("0", "found `0`"), ("60001", "found `60001`"), ("1 s", "found `1 s`")] {
        let variable = [("RATELIMIT_FUNCTION_DEADLINE_MS", text)];
        let error = Limiter::builder().from_variables(variable).build().expect_err(text).to_string();
        assert!(
            error.contains("a number of milliseconds from 1 to 60000") && error.contains(issue),
            "{error}"
        );
    }
}

/// Rules of several sources stand beside each other; those of one pattern replace each other.
#[actix_web::test]
async fn rules_of_one_pattern_are_those_of_code() {
    let file = Settings::new(
        "[routes]\n'/a' = '1/minute'\n'GET /b' = '1/minute'\n[scopes]\n'/c' = '1/minute'\n'/d' = { exempt = true }\n",
    );
    let limiter = Limiter::builder().route("/a", "2/minute").from_file(&file.path).scope("/c", "3/minute");
    let limiter = limiter.default_limits("4/minute").build().expect("a limiter");
    let mut app = App::new().wrap(limiter);
    for path in ["/a", "/b", "/c", "/d", "/e"] {
        app = app.route(path, web::get().to(async || "ok"));
    }
    let app = actix_web::test::init_service(app).await;
    for (path, admitted) in [("/a", 2), ("/b", 1), ("/c", 3), ("/d", 6), ("/e", 4)] {
        let mut passed = 0;
        for _ in 0..6 {
            passed += usize::from(ask(&app, request("GET", path)).await.status == 200);
        }
        assert_eq!(passed, admitted, "{path}");
    }
}
