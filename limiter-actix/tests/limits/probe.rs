//! Measures which limits apply to a request.
//!
//! Each limit is one an hour, and takes only from requests that spend on it by its name. A limit applies when
//! a client that spends on it twice is refused, with its name as the message.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use actix_web::{
    App, Error, HttpMessage,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web::{self, ServiceConfig},
};
use limiter_actix::{Breach, IntoRule, Limit, LimiterBuilder, Quota, ScopeExt};
use limiter_test_support::{
    play::{Step, builder, clock, header, in_a_system, page, play, read},
    storages::{StorageKind, errors_on_all},
};

/// Defaults, the application's, those of scopes and routes.
const NAMES: [&str; 7] = ["a", "d", "2", "3", "4", "5", "6"];

/// The limit of this name.
pub(crate) fn limit(name: &'static str) -> Limit {
    with_options(Limit::new(Quota::per_hour(1)), name)
}

/// The limit of this name, if a function of the request returns a quota.
pub(crate) fn limit_if(
    name: &'static str,
    tells: fn(&actix_web::dev::ServiceRequest) -> Option<Quota>,
) -> Limit {
    with_options(Limit::dynamic(tells), name)
}

fn with_options(limit: Limit, name: &'static str) -> Limit {
    limit.cost_with(move |req| u64::from(header(req, "spend") == Some(name))).error_message(name)
}

/// Checks on all storages what applies: requests, their headers, and the names of the limits.
pub(crate) fn applies(
    limiter: impl Fn(LimiterBuilder) -> LimiterBuilder,
    routes: impl Fn(&mut ServiceConfig),
    asked: &[(&str, &str, &str)],
) -> Vec<String> {
    let on = |kind: StorageKind| {
        in_a_system(async {
            let limiter = limiter(kind.set(builder(&clock())))
                .application_limits(limit("a"))
                .default_limits(limit("d"))
                .build()
                .expect("the limits can be read");
            let app = init_service(App::new().wrap(limiter).configure(&routes)).await;
            let app = async |it: TestRequest| app.call(it.to_request()).await;
            let mut wrong = Vec::new();
            for (request, headers, expected) in asked {
                let measured = applying(&app, request, headers).await;
                if measured != *expected {
                    wrong.push(format!("{request} {headers}: {expected} expected, got {measured}"));
                }
            }
            wrong
        })
    };
    errors_on_all(on)
}

/// The names of the limits that apply, by level.
async fn applying<B: MessageBody + 'static>(
    app: impl AsyncFn(TestRequest) -> Result<ServiceResponse<B>, Error>,
    request: &str,
    headers: &str,
) -> String {
    let mut names = Vec::new();
    for name in NAMES {
        if is_refused(&app, request, headers, name).await {
            names.push(name);
        }
    }
    if names.is_empty() { "-".to_owned() } else { names.join(" ") }
}

/// Returns whether a new client is refused when it spends on this limit for the second time.
async fn is_refused<B: MessageBody + 'static>(
    app: impl AsyncFn(TestRequest) -> Result<ServiceResponse<B>, Error>,
    request: &str,
    headers: &str,
    name: &str,
) -> bool {
    static CLIENTS: AtomicUsize = AtomicUsize::new(0);
    let client = CLIENTS.fetch_add(1, Relaxed).to_string();
    let ask = || {
        let spending = read(request, headers).insert_header(("spend", name));
        app(spending.insert_header(("k", client.as_str())))
    };
    let first =
        ask().await.map_or_else(|error| error.error_response().status(), |response| response.status());
    assert_ne!(first, 429, "{request}: a new client is refused");
    let Ok(second) = ask().await else { return false };
    let extensions = second.request().extensions();
    let Some(breach) = extensions.get::<Breach>() else { return false };
    assert_eq!(second.status(), 429, "{request}");
    assert_eq!(breach.message(), name, "{request}: refused by another limit");
    true
}

/// Plays the steps on all storages; fails unless all is as expected.
#[track_caller]
pub(crate) fn hold(
    limiter: impl Fn(LimiterBuilder) -> LimiterBuilder,
    routes: impl Fn(&mut ServiceConfig),
    steps: &[Step<'_>],
) {
    let on = |kind: StorageKind| play(|it| limiter(kind.set(it)), &routes, steps);
    let wrong = errors_on_all(on);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Checks what applies to these requests with these headers.
#[track_caller]
pub(crate) fn row(
    limiter: fn(LimiterBuilder) -> LimiterBuilder,
    routes: fn(&mut ServiceConfig),
    asked: &[(&str, &str, &str)],
) {
    let wrong = applies(limiter, routes, asked);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// A scope with a rule, and a page in it that answers all methods.
pub(crate) fn scope(app: &mut ServiceConfig, rule: impl IntoRule) {
    app.service(web::scope("/p").service(page("/x", "x")).rule(rule));
}
