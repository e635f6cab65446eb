//! Errors of invalid settings.

use limiter_actix::{
    BuildError, Limit, Limiter, LimiterBuilder, OnStorageFailure, Quota, Strategy, TrustedProxies, check_file,
};

use crate::Settings;

/// The error of a file, with `limits.toml` for its path.
fn said_of(text: &str) -> Vec<String> {
    let settings = Settings::new(text);
    let path = settings.path.display().to_string();
    match check_file(&settings.path) {
        Ok(()) => Vec::new(),
        Err(BuildError::Config(error)) => {
            error.to_string().lines().map(|line| line.replace(&path, "limits.toml")).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

/// The one message about one issue, without the file's name.
fn one(text: &str) -> String {
    let said = said_of(text);
    assert_eq!(said.len(), 1, "{text}: {said:#?}");
    said[0].strip_prefix("limits.toml:").unwrap_or(&said[0]).to_owned()
}

#[test]
fn five_issues_are_five_messages() {
    let text = r#"
# Five issues, in all depths.
strategi = "moving-window"
default_limits = ["200 per day", "50 per fortnight"]
ipv6_prefix = 16

[routes]
"POST /login" = { limits = { limit = "5/minute", burst = 20 } }

[scopes."api"]
exempt = ["default"]
"#;
    assert_eq!(
        said_of(text),
        [
            "limits.toml:3:1: unknown name `strategi`; did you mean `strategy`?",
            "limits.toml:4:42: `default_limits`: expected second, minute, hour, day, week, month or year at byte 7, \
             found `fortnight`",
            "limits.toml:5:15: `ipv6_prefix`: expected a whole number from 32 to 128, found `16`",
            "limits.toml:8:28: invalid limit: a burst requires the strategy `token-bucket`, not `fixed-window`",
            "limits.toml:10:9: `api`: expected a path that begins with a slash",
        ]
    );
}

#[test]
fn concurrent_requests_have_no_options_of_windows() {
    assert_eq!(said_of(r#"default_limits = ["2 concurrent", "50 per hour"]"#), Vec::<String>::new());
    let text = r#"default_limits = { limit = "2 concurrent", strategy = "moving-window" }"#;
    let expected = "1:18: invalid option `strategy`: it has no effect on `2 concurrent`, which a request frees when it ends";
    assert_eq!(one(text), expected);
    let text = r#"meta_limits = "2 concurrent""#;
    let expected =
        "1:15: invalid limit `2 concurrent`: meta limits count hits, and not the requests that are under way";
    assert_eq!(one(text), expected);
}

#[test]
fn each_issue_names_the_expectation() {
    for (text, message) in [
        ("enabled = 1", "1:11: `enabled`: expected `true` or `false`, found `1`"),
        ("ban_status = 401", "1:14: `ban_status`: expected 403 or 429, found `401`"),
        ("ban_status = '403'", "1:14: `ban_status`: expected 403 or 429, found `403`"),
        (
            "time_zone = 'Mars/Base'",
            "1:13: `time_zone`: expected `UTC`, an offset such as `+02:00`, or a name such as `Europe/Berlin`, \
             found `Mars/Base`",
        ),
        (
            "strategy = 'moving-window'\ndefault_limits = ['9/s; 9 per calendar day', { limit = '9 per calendar week', strategy = 'moving-window' }]",
            "2:46: invalid limit: `9 per 1 calendar week` requires the strategy `fixed-window`, not `moving-window`: \
             its windows end by the calendar",
        ),
        ("key_prefix = 7", "1:14: `key_prefix`: expected a text in quotes, found `7`"),
        ("key_prefix = ''", "1:14: `key_prefix`: expected a text in quotes, found ``"),
        (
            "strategy = 'mooving-window'",
            "1:12: `strategy`: expected `fixed-window`, `fixed-window-elastic-expiry`, `moving-window`, \
             `sliding-window-counter` or `token-bucket`, found `mooving-window`; did you mean `moving-window`?",
        ),
        (
            "function_deadline_ms = 0",
            "1:24: `function_deadline_ms`: expected a whole number from 1 to 60000, found `0`",
        ),
        ("ipv6_prefix = 1.5", "1:15: `ipv6_prefix`: expected a whole number from 32 to 128, found `1.5`"),
        ("ipv6_prefix = '64'", "1:15: `ipv6_prefix`: expected a whole number from 32 to 128, found `64`"),
        ("log_addresses = 'no'", "1:17: `log_addresses`: expected `full`, `hashed` or `hidden`, found `no`"),
        ("log_keys = 'full'", "1:12: `log_keys`: expected a table, found `full`"),
        ("log_keys = { user = 'no' }", "1:21: `user`: expected `full`, `hashed` or `hidden`, found `no`"),
        (
            "headers = 'x-rate-limit'",
            "1:11: `headers`: expected `x-ratelimit` or `ietf-draft-11`, found `x-rate-limit`; did you mean \
             `x-ratelimit`?",
        ),
        (
            "headers = ['x-ratelimit', 3]",
            "1:27: `headers`: expected `x-ratelimit` or `ietf-draft-11`, found `3`",
        ),
        ("header_names = 'x'", "1:16: `header_names`: expected a table, found `x`"),
        ("header_names.limit = 'x y'", "1:22: `limit`: expected a header name, found `x y`"),
        (
            "retry_after = 'seconds'",
            "1:15: `retry_after`: expected `delta-seconds` or `http-date`, found `seconds`",
        ),
        ("default_limits = 5", "1:18: `default_limits`: expected limits such as `5/minute`, found `5`"),
        ("default_limits = [[]]", "1:19: `default_limits`: expected limits such as `5/minute`, found a list"),
        (
            "default_limits = '''\n5/fortnight'''",
            "1:18: `default_limits`: expected second, minute, hour, day, week, month or year at byte 2, found \
             `fortnight`",
        ),
        ("meta_limits = { name = 'x' }", "1:15: `meta_limits`: expected a `limit` in this table"),
        (
            "default_limits = { limit = '5/minute', cost = -1 }",
            "1:47: `cost`: expected a whole number from 0 to 18446744073709551615, found `-1`",
        ),
        (
            "default_limits = { limit = '5/minute', burst = 0 }",
            "1:48: `burst`: expected a whole number from 1 to 18446744073709551615, found `0`",
        ),
        (
            "default_limits = { limit = '5/minute', methods = ['post'] }",
            "1:51: `methods`: expected a method in upper case, such as `GET`, found `post`",
        ),
        (
            "default_limits = { limit = '5/minute', method = 'POST' }",
            "1:40: unknown name `method`; did you mean `methods`?",
        ),
        (
            "default_limits = { limit = '20000/minute', strategy = 'moving-window' }",
            "1:18: invalid limit: a moving window of `20000 per 1 minute` remembers too many hits for this storage: at most \
             10000; use `sliding-window-counter` or `token-bucket`",
        ),
    ] {
        assert_eq!(one(text), message, "{text}");
    }
}

#[test]
fn each_issue_of_a_single_table_names_the_expectation() {
    for (text, message) in [
        (
            "on_storage_failure = 'denied'",
            "1:22: `on_storage_failure`: expected `fallback`, `allow` or `deny`, found `denied`",
        ),
        (
            "key = 3",
            "1:7: `key`: expected `client_address`, `peer_address`, `bearer_token`, `path` or a table, found `3`",
        ),
        (
            "key = 'client'",
            "1:7: `key`: expected `client_address`, `peer_address`, `bearer_token` or `path`, found `client`",
        ),
        (
            "key = { header = 'x', query = 'y' }",
            "1:7: `key`: expected one of `key`, `header`, `cookie`, `query` and `client_network` in this table",
        ),
        ("key = { header = 3 }", "1:18: `header`: expected a header name, found `3`"),
        ("key = { query = '' }", "1:17: `query`: expected a name, found ``"),
        (
            "key = { client_network = '48' }",
            "1:26: `client_network`: expected a whole number from 32 to 128, found `48`",
        ),
        (
            "key = { client_network = 31 }",
            "1:26: `client_network`: expected a whole number from 32 to 128, found `31`",
        ),
        ("key = { query = 'x', fold_case = 1 }", "1:34: `fold_case`: expected `true` or `false`, found `1`"),
        ("key = { header = 'x y' }", "1:18: `header`: expected a header name, found `x y`"),
        ("key = { header = 'x', or = 'y' }", "1:23: unknown name `or`"),
        (
            "key = { header = 'x', and = 'y' }",
            "1:29: `and`: expected `client_address`, `peer_address`, `bearer_token` or `path`, found `y`",
        ),
        ("trusted_proxies = 'all'", "1:19: `trusted_proxies`: expected `none` or a table, found `all`"),
        (
            "trusted_proxies = { networks = ['10.0.0.0/8'] }",
            "1:19: `trusted_proxies`: expected a `header` in this table, such as `X-Forwarded-For`",
        ),
        (
            "trusted_proxies = { header = 'Forwarded' }",
            "1:19: `trusted_proxies`: expected `networks`, `hops` or `unix_sockets` in this table",
        ),
        (
            "trusted_proxies = { header = 'Forwarded', networks = ['10.0.0.0/33'] }",
            "1:55: `networks`: expected a network such as `10.0.0.0/8` or `fd00::1`, found `10.0.0.0/33`",
        ),
        (
            "routes = { '/x/{id' = '5/minute' }",
            "1:12: `/x/{id`: expected segments that are plain, or a name in braces such as `{id}`",
        ),
        // The defect: these panicked, or covered other paths.
        (
            "routes = { '/{id}/{id}/x' = '5/minute' }",
            "1:12: `/{id}/{id}/x`: expected names in braces that differ from each other",
        ),
        (
            "routes = { '/a*/b' = '5/minute' }",
            "1:12: `/a*/b`: expected segments that are plain, or a name in braces such as `{id}`",
        ),
        (
            "scopes = { '/files/*' = '5/minute' }",
            "1:12: `/files/*`: expected segments that are plain, or a name in braces such as `{id}`",
        ),
        ("routes = { '/x' = {} }", "1:19: `/x`: expected `limits`, `exempt` or both"),
        ("scopes = { '/x' = { exempt = 'scope' } }", {
            "1:30: `exempt`: expected `default`, `application`, `meta` or `scopes`, found `scope`; did you mean \
             `scopes`?"
        }),
        ("storage_uri = 'postgres://user:secret@host'", {
            "1:15: the storage `postgres`: expected `memory`, `redis`, `valkey`, `memcached` or `mongodb`"
        }),
    ] {
        assert_eq!(one(text), message, "{text}");
    }
}

#[test]
fn an_error_of_syntax_is_one_message_with_its_line() {
    for (text, position) in [
        ("enabled = true\ndefault_limits = \"5/minute\nmeta_limits = '3/day'\n", "2:27"),
        ("enabled = true\nenabled = false\n", "2:1"),
        ("[routes\n", "1:8"),
        ("x", "1:2"),
    ] {
        let said = one(text);
        assert!(said.starts_with(&format!("{position}: ")), "{text:?}: {said}");
    }
}

/// A column counts letters, not bytes.
#[test]
fn columns_count_letters() {
    assert_eq!(one("key_prefix = 'äöü'; x"), one("key_prefix = 'abc'; x"));
    assert_eq!(
        one("routes = { '/ä' = '5/moment' }"),
        "1:22: `/ä`: expected second, minute, hour, day, week, month or year at byte 2, found `moment`"
    );
}

#[test]
fn a_file_is_bounded() {
    let comment = format!("#{}\n", "x".repeat(1 << 20));
    assert_eq!(said_of(&comment), ["limits.toml: expected at most 1048576 bytes"]);
    let rules: Vec<_> = (0..1001).map(|number| format!("'/{number}' = '5/minute'\n")).collect();
    assert_eq!(one(&format!("[routes]\n{}", rules.concat())), "1:1: expected at most 1000 routes and scopes");
    let issues: Vec<_> = (0..1000).map(|number| format!("x{number} = 1\n")).collect();
    assert_eq!(said_of(&issues.concat()).len(), 100);
}

/// A missing part is reported, or it was not needed.
#[test]
fn a_file_may_lack_any_part() {
    let whole = include_str!("../../../examples/limits.toml");
    let settings = Settings::new(whole);
    let (mut right, mut wrong) = (0, 0);
    for cut in (0..whole.len()).step_by(23) {
        for length in [1, 23, whole.len()] {
            let rest = whole.get(cut + length..).unwrap_or_default();
            settings.write(&format!("{}{rest}", &whole[..cut]));
            match check_file(&settings.path) {
                Ok(()) => right += 1,
                Err(BuildError::Config(error)) => {
                    wrong += 1;
                    let lines = whole.lines().count() + 1;
                    let is_there = |line: Option<usize>| line.is_some_and(|line| (1..=lines).contains(&line));
                    let issues = error.issues();
                    assert!(issues.iter().all(|it| is_there(it.line())), "{cut} {length}: {error}");
                }
                Err(other) => panic!("{cut} {length}: {other}"),
            }
        }
    }
    assert!(right > 0 && wrong > 0, "{right} right, {wrong} wrong");
}

#[test]
fn an_unreadable_file_is_named() {
    let error = check_file("/nowhere/limits.toml").expect_err("there is no such file");
    let expected = "invalid configuration:\n/nowhere/limits.toml: unreadable file: No such file or directory";
    assert!(error.to_string().starts_with(expected), "{error}");
}

/// The variables come first, then the lines of the file.
#[test]
fn issues_of_environment_and_file_come_together() {
    let settings = Settings::new("\nenabled = 'no'\n");
    let builder = Limiter::builder().from_file(&settings.path);
    let error =
        builder.from_variables([("RATELIMIT_ENABLED", "nope"), ("RATELIMIT_STORAGE_URI", "nfs://u:pw@h")]);
    let Err(BuildError::Config(error)) = error.build() else { panic!("expected issues") };
    let path = settings.path.display();
    assert_eq!(
        error.to_string(),
        format!(
            "RATELIMIT_STORAGE_URI: the storage `nfs`: expected `memory`, `redis`, `valkey`, `memcached` or \
             `mongodb`\n\
             RATELIMIT_ENABLED: expected `true` or `false`, found `nope`\n\
             {path}:2:11: `enabled`: expected `true` or `false`, found `no`"
        )
    );
    let lines: Vec<_> = error.issues().iter().map(|issue| (issue.line(), issue.column())).collect();
    assert_eq!(lines, [(None, None), (None, None), (Some(2), Some(11))]);
}

/// The issues of a builder, which are settings in code.
fn issues_of(builder: LimiterBuilder) -> Vec<String> {
    let Err(BuildError::Config(error)) = builder.build() else { panic!("expected issues") };
    error.issues().iter().map(ToString::to_string).collect()
}

#[test]
fn issues_in_code_come_all_at_once_with_their_calls() {
    let builder = Limiter::builder()
        .default_limits("5/mintue")
        .meta_limits(["5/hour", "many"])
        .in_memory_fallback("5/minute; 6/".to_owned())
        .ipv6_prefix(7)
        .storage_uri("nfs://user:secret@host")
        .trusted_proxies(TrustedProxies::x_forwarded_for())
        .route("login", "5/fortnight")
        .scope("/api/", "5/minute")
        .exempt_route("/{a}b")
        .exempt_scope("health");
    let calls = [
        ".storage_uri(..): the storage `nfs`: expected",
        r#".default_limits("5/mintue"): expected second, minute"#,
        r#".meta_limits(["5/hour", "many"]): expected"#,
        r#".in_memory_fallback("5/minute; 6/"): expected"#,
        ".ipv6_prefix(7): expected 32 to 128 bits",
        ".trusted_proxies(..): ",
        r#".route("login", "5/fortnight"): expected second, minute"#,
        r#".route("login", "5/fortnight"): expected a path that begins with a slash"#,
        r#".scope("/api/", "5/minute"): expected no slash at the end"#,
        r#".exempt_route("/{a}b"): expected segments"#,
        r#".exempt_scope("health"): expected a path"#,
    ];
    let issues = issues_of(builder);
    assert_eq!(issues.len(), calls.len(), "{issues:#?}");
    for (issue, call) in issues.iter().zip(calls) {
        assert!(issue.starts_with(call), "{issue}");
    }
    assert!(!issues.concat().contains("secret"), "{issues:#?}");
}

#[test]
fn limits_in_code_that_are_impossible_are_issues_of_their_calls() {
    let burst = || Limit::new(Quota::per_minute(5)).burst(9);
    let fast = Limit::new(Quota::per_second(900_000_000)).strategy(Strategy::TokenBucket);
    let builder = Limiter::builder()
        .default_limits(burst())
        .application_limits(fast)
        .route("/login", [burst().name("login"), Quota::per_day(1).into()])
        .named_limit("exports", burst())
        .named_limit("twice", Quota::per_day(1))
        .named_limit("twice", Quota::per_day(2))
        .named_limit("tiers", Limit::dynamic(|_| "5/minute"));
    let calls = [
        ".default_limits(5 per 1 minute): ",
        ".application_limits(900000000 per 1 second): invalid limit: a token bucket cannot refill",
        r#".route("/login", [5 per 1 minute, 1 per 1 day]): "#,
        r#".named_limit("exports", 5 per 1 minute): "#,
        r#".named_limit("tiers", ..): "#,
        r#".named_limit("twice", 2 per 1 day): another limit has the name `twice`: that of .named_limit("twice", 1 per 1 day)"#,
    ];
    let issues = issues_of(builder);
    assert_eq!(issues.len(), calls.len(), "{issues:#?}");
    for (issue, call) in issues.iter().zip(calls) {
        assert!(issue.starts_with(call), "{issue}");
    }
}

/// The defect: a number in `Content-Length` broke each response, and of two headers with one name one was lost.
#[test]
fn headers_of_the_response_itself_are_issues() {
    let variables = |all: &[(&str, &str)]| {
        issues_of(Limiter::builder().from_variables(all.iter().copied()).headers(true))
    };
    assert_eq!(
        variables(&[("RATELIMIT_HEADER_LIMIT", "Content-Length")]),
        ["header_names: `limit`: expected a header of its own, found `content-length`"]
    );
    assert_eq!(
        variables(&[("RATELIMIT_HEADER_LIMIT", "X-Limit"), ("RATELIMIT_HEADER_RESET", "x-limit")]),
        ["header_names: `reset`: expected a header of its own, found that of `limit`: `x-limit`"]
    );
    assert_eq!(
        one("header_names = { fallback = 'Transfer-Encoding' }"),
        "header_names: `fallback`: expected a header of its own, found `transfer-encoding`"
    );
}

/// Each option that has no effect where it stands, in code.
#[test]
fn options_without_effect_are_issues() {
    let limit = || Limit::new(Quota::per_minute(5));
    let none =
        |option: &str, place: &str| format!("invalid option `{option}`: it has no effect on {place} limits");
    let of_builder = |builder: LimiterBuilder| {
        let [issue] = issues_of(builder).try_into().expect("one issue");
        issue.split_once("): ").expect("a call and the reason").1.to_owned()
    };
    for (builder, expected) in vec![
        (Limiter::builder().meta_limits(limit().meta(Quota::per_day(1))), none("meta", "meta")),
        (Limiter::builder().meta_limits(limit().deduct_when(|_| true)), none("deduct_when", "meta")),
        (Limiter::builder().meta_limits(limit().refund_on_drop(true)), none("refund_on_drop", "meta")),
        (Limiter::builder().meta_limits(limit().override_defaults(false)), none("override_defaults", "meta")),
        (
            Limiter::builder().application_limits(limit().override_defaults(false)),
            none("override_defaults", "application"),
        ),
        (
            Limiter::builder().default_limits(limit().override_defaults(false)),
            none("override_defaults", "default"),
        ),
        (Limiter::builder().in_memory_fallback(limit().meta(Quota::per_day(1))), none("meta", "outage")),
        (
            Limiter::builder().in_memory_fallback(limit().on_storage_failure(OnStorageFailure::Deny)),
            none("on_storage_failure", "outage"),
        ),
        (Limiter::builder().named_limit("a", limit().methods(["GET"])), none("methods", "named")),
        (Limiter::builder().named_limit("a", limit().per_method(true)), none("per_method", "named")),
        (Limiter::builder().named_limit("a", limit().shared("b")), none("shared", "named")),
        (Limiter::builder().named_limit("a", limit().shared_with(|_| "b")), none("shared", "named")),
        (Limiter::builder().named_limit("a", limit().deduct_when(|_| true)), none("deduct_when", "named")),
        (Limiter::builder().named_limit("a", limit().refund_on_drop(true)), none("refund_on_drop", "named")),
        (
            Limiter::builder().named_limit("a", limit().override_defaults(false)),
            none("override_defaults", "named"),
        ),
        (
            Limiter::builder().default_limits(limit().burst(0).strategy(Strategy::TokenBucket)),
            "invalid option `burst`: expected at least 1, found 0".to_owned(),
        ),
        (
            Limiter::builder().route("/a", limit().methods([])),
            "invalid option `methods`: expected at least one method".to_owned(),
        ),
        (
            Limiter::builder().scope("/a", limit().methods(["GET", "PO ST, (O)"])),
            "invalid option `methods`: expected a method such as `POST`, found `(O)`".to_owned(),
        ),
    ] {
        assert_eq!(of_builder(builder), expected);
    }
}

/// Options with their defaults have no effect anywhere, and hurt nowhere.
#[test]
fn options_at_their_defaults_are_no_issues() {
    let limit =
        Limit::new(Quota::per_minute(5)).override_defaults(true).per_method(false).refund_on_drop(false);
    let builder = Limiter::builder().meta_limits(limit.clone()).named_limit("a", limit.clone());
    assert!(builder.default_limits(limit.clone()).in_memory_fallback(limit).build().is_ok());
}

/// The same in a file.
#[test]
fn options_without_effect_in_a_file_are_issues() {
    for (text, expected) in [
        (
            "meta_limits = { limit = '5/minute', meta = '1/day' }",
            "1:15: invalid option `meta`: it has no effect",
        ),
        (
            "application_limits = { limit = '5/minute', override_defaults = false }",
            "1:22: invalid option `override_defaults`: it has no effect on application limits",
        ),
        (
            "default_limits = { limit = '5/minute', ban = '1 hour after 10 times' }",
            "1:63: `ban`: expected `breaches` at byte 16, found `times`",
        ),
        (
            "meta_limits = { limit = '5/minute', ban = '1 h after 1 breach in 1 h' }",
            "1:15: invalid option `ban`",
        ),
        (
            "default_limits = { limit = '5/minute', methods = [] }",
            "1:50: `methods`: expected at least one method",
        ),
    ] {
        assert!(one(text).starts_with(expected), "{text}: {}", one(text));
    }
}

/// The last call of its kind is the one that counts.
#[test]
fn replaced_limits_are_not_checked() {
    let burst = Limit::new(Quota::per_minute(5)).burst(9);
    assert!(Limiter::builder().default_limits(burst).default_limits("5/minute").build().is_ok());
}

/// A limiter of the same line was built before with settings that look the same but for the issue.
#[actix_web::test]
async fn an_issue_is_not_hidden_by_a_limiter_of_the_same_line() {
    let build = |limits: &str| Limiter::builder().default_limits("5/minute").meta_limits(limits).build();
    assert!(build("9/minute").is_ok() && build("9/mintue").is_err());
}

#[test]
fn main_prints_readable_lines() {
    let error = Limiter::builder().default_limits("5/mintue").ipv6_prefix(7).build().expect_err("issues");
    let printed = format!("{:?}", Box::<dyn std::error::Error>::from(error));
    assert!(printed.contains("\n.default_limits(\"5/mintue\"): expected"), "{printed}");
    assert!(printed.ends_with("\n.ipv6_prefix(7): expected 32 to 128 bits"), "{printed}");
}

/// Actix compiles patterns to regular expressions, whose size it bounds by a panic.
#[test]
fn patterns_are_bounded() {
    let at_most = format!("/{{id}}/{}", "é".repeat(2045));
    assert!(Limiter::builder().route(&at_most, "5/minute").build().is_ok());
    for pattern in [format!("{at_most}a"), format!("/{{id}}/{}", "é".repeat(3_000_000))] {
        let issues = issues_of(Limiter::builder().route(&pattern, "5/minute"));
        assert!(issues.len() == 1 && issues[0].ends_with("expected at most 4096 bytes"), "{}", issues.len());
    }
}
