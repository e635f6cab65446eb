//! Failure policies from the environment and from a file.

use std::sync::Arc;

use actix_web::{App, http::header::HeaderName, web};
use limiter_actix::{
    Limiter, LimiterBuilder, Timestamp,
    storage::{Answer, Batch, Decision, Hit, Refund, Storage, StorageError},
};
use limiter_test_support::app::{ask, request};

use crate::Settings;

/// A storage that cannot be reached.
#[derive(Debug)]
struct Gone;

impl Storage for Gone {
    fn decide<'a>(&'a self, _: &'a Batch<'a>, _: Timestamp) -> Answer<'a, Decision> {
        gone()
    }

    fn refund<'a>(&'a self, _: &'a [Refund<'a>], _: Timestamp) -> Answer<'a, ()> {
        gone()
    }

    fn clear<'a>(&'a self, _: &'a [Hit<'a>]) -> Answer<'a, ()> {
        gone()
    }

    fn reset(&self) -> Answer<'_, ()> {
        gone()
    }
}

fn gone<T>() -> Answer<'static, T> {
    Answer::Ready(Err(StorageError::new("the storage is gone")))
}

/// The statuses of three requests to a route with `2/minute` while the storage is gone.
async fn statuses(builder: LimiterBuilder) -> [u16; 3] {
    let limiter = builder.storage(Arc::new(Gone)).default_limits("2/minute").build().expect("a limiter");
    let app = App::new().wrap(limiter).route("/", web::get().to(async || "ok"));
    let app = actix_web::test::init_service(app).await;
    let mut statuses = [0; 3];
    for status in &mut statuses {
        *status = ask(&app, request("GET", "/")).await.status;
    }
    statuses
}

const FALLBACK: [u16; 3] = [200, 200, 429];
const TIGHTER: [u16; 3] = [200, 429, 429];
const ALLOW: [u16; 3] = [200; 3];
const DENY: [u16; 3] = [503; 3];

/// Fallback goes before swallow; both false means deny.
#[actix_web::test]
async fn three_variables_set_the_failure_policy() {
    const LIMITS: &str = "RATELIMIT_IN_MEMORY_FALLBACK";
    const ENABLED: &str = "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED";
    const SWALLOW: &str = "RATELIMIT_SWALLOW_ERRORS";
    for (variables, expected) in [
        (&[][..], FALLBACK),
        (&[(ENABLED, "true")], FALLBACK),
        (&[(ENABLED, "true"), (SWALLOW, "true")], FALLBACK),
        (&[(SWALLOW, "true")], ALLOW),
        (&[(ENABLED, "false"), (SWALLOW, "true")], ALLOW),
        (&[(SWALLOW, "false")], FALLBACK),
        (&[(ENABLED, "false")], DENY),
        (&[(ENABLED, "false"), (SWALLOW, "false")], DENY),
        (&[(LIMITS, "1/minute")], TIGHTER),
        (&[(LIMITS, "1/minute"), (SWALLOW, "true")], TIGHTER),
        (&[(LIMITS, "1/minute"), (ENABLED, "false")], TIGHTER),
    ] {
        let builder = Limiter::builder().from_variables(variables.iter().copied());
        assert_eq!(statuses(builder).await, expected, "{variables:?}");
    }
}

#[actix_web::test]
async fn a_file_sets_the_failure_policy() {
    for (text, expected) in [
        ("on_storage_failure = 'fallback'", FALLBACK),
        ("on_storage_failure = 'allow'", ALLOW),
        ("on_storage_failure = 'deny'", DENY),
        ("in_memory_fallback = '1/minute'", TIGHTER),
        ("[routes]\n'/' = { limits = { limit = '1/day', on_storage_failure = 'deny' } }", DENY),
    ] {
        let settings = Settings::new(text);
        assert_eq!(statuses(Limiter::builder().from_file(&settings.path)).await, expected, "{text}");
    }
}

#[actix_web::test]
async fn a_file_names_the_header_of_who_decided() {
    let settings = Settings::new("header_names = { fallback = 'X-Decided-By' }\ndefault_limits = '2/minute'");
    let limiter = Limiter::builder().from_file(&settings.path).storage(Arc::new(Gone)).build();
    let limiter = limiter.expect("a limiter");
    assert!(limiter.exposed_headers().contains(&HeaderName::from_static("x-decided-by")));
    let app = App::new().wrap(limiter).route("/", web::get().to(async || "ok"));
    let app = actix_web::test::init_service(app).await;
    assert_eq!(ask(&app, request("GET", "/")).await.header("x-decided-by"), Some("memory"));
}
