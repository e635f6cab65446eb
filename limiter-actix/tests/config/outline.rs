//! The outline of a file.

use actix_web::{App, HttpMessage, test::TestRequest, test::call_service, web};
use limiter_actix::{Breach, Exempt, Limiter, Strategy, outline_file};

use crate::Settings;

const FILE: &str = "
strategy = 'sliding-window-counter'
storage_uri = 'redis://user:secret@host'
ipv6_prefix = 56
default_limits = '100/minute; 5000/day'
application_limits = [{ limit = '50/second', strategy = 'token-bucket', name = 'burst', shadow = true }]
meta_limits = '7/hour'

[routes]
'GET,POST /login/{id}' = '5/minute'
'/search' = { exempt = ['default', 'meta'] }

[scopes]
'/api' = '1000/hour'
";

#[test]
fn the_outline_lists_all_limits_of_a_file() {
    let settings = Settings::new(FILE);
    let outline = outline_file(&settings.path).expect("a valid file");
    let limits = outline.limits().iter().map(|limit| {
        let quota = limit.quota().expect("a quota").to_string();
        (
            limit.level(),
            limit.pattern().unwrap_or(""),
            quota,
            limit.strategy(),
            limit.name(),
            limit.is_shadow(),
        )
    });
    let sliding = Strategy::SlidingWindowCounter;
    let expected = [
        ("application", "", "50 per 1 second", Strategy::TokenBucket, Some("burst"), true),
        ("meta", "", "7 per 1 hour", sliding, None, false),
        ("default", "", "100 per 1 minute", sliding, None, false),
        ("default", "", "5000 per 1 day", sliding, None, false),
        ("scope", "/api", "1000 per 1 hour", sliding, None, false),
        ("route", "GET,POST /login/{id}", "5 per 1 minute", sliding, None, false),
    ];
    let expected = expected.map(|(level, pattern, quota, strategy, name, is_shadow)| {
        (level, pattern, quota.to_owned(), strategy, name, is_shadow)
    });
    assert_eq!(limits.collect::<Vec<_>>(), expected);
    assert_eq!(outline.exemptions().collect::<Vec<_>>(), [("/search", Exempt::DEFAULT | Exempt::META)]);
    assert_eq!(outline.routes().collect::<Vec<_>>(), ["/search", "/login/{id}"]);
    assert!(outline.is_enabled() && !outline.reads_requests() && !outline.sets_trusted_proxies());
    assert_eq!((outline.strategy(), outline.ipv6_prefix()), (sliding, 56));
    assert_eq!(outline.storage(), "redis", "the rest of the address is a secret");
}

#[test]
fn the_outline_names_the_keys_that_read_requests() {
    for (text, expected) in [
        ("default_limits = '1/day'", false),
        ("key = { header = 'X-Api-Key' }", true),
        ("[scopes]\n'/' = { limits = { limit = '1/day', key = 'bearer_token' } }", true),
    ] {
        let settings = Settings::new(text);
        assert_eq!(outline_file(&settings.path).expect("a valid file").reads_requests(), expected, "{text}");
    }
}

#[test]
fn the_outline_of_a_file_with_errors_reports_all() {
    let settings = Settings::new("strategi = 1\ndefault_limits = '5/fortnight'");
    let error = outline_file(&settings.path).expect_err("two errors").to_string();
    assert!(error.contains("`strategi`") && error.contains("`fortnight`"), "{error}");
}

#[actix_web::test]
async fn a_breach_names_its_level() {
    for (text, expected) in [
        ("default_limits = '0/day'", "default"),
        ("application_limits = '0/day'", "application"),
        ("default_limits = '1/day'\nmeta_limits = '0/day'", "meta"),
        ("[routes]\n'/a' = '0/day'", "route"),
        ("[scopes]\n'/a' = '0/day'", "scope"),
    ] {
        let settings = Settings::new(text);
        let limiter = Limiter::builder().from_file(&settings.path).build().expect("a valid file");
        let app = App::new().wrap(limiter).service(web::resource("/a").to(async || "ok"));
        let app = actix_web::test::init_service(app).await;
        let response = call_service(&app, TestRequest::with_uri("/a").to_request()).await;
        let extensions = response.request().extensions();
        assert_eq!(extensions.get::<Breach>().map(Breach::level), Some(expected), "{text}");
    }
}
