//! The prediction of a request's route before routing, in whole apps in this thread.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    guard::GuardContext,
    test::init_service,
    web::ServiceConfig,
};
use limiter_actix::{Limiter, LimiterBuilder, ManualClock, Timestamp};
use limiter_test_support::app::{ask, get, request};

mod alone;
mod hidden_rules;
mod middleware_answers;
mod mounts;
mod neighbours;
mod rewriting;
mod rules_by_pattern;
mod scope_modules;
mod scopes;
mod several_limiters;
mod static_files;
mod straight_way;
mod unchecked;
mod where_limits_stand;
mod without_a_tree;

/// A limiter whose time stands still.
fn still() -> LimiterBuilder {
    Limiter::builder().clock(Arc::new(ManualClock::new(Timestamp::from_millis(1_767_225_600_000))))
}

/// The application limit of [`app`].
const AMOUNT: usize = 3;

/// An app with an application limit of three an hour, and a plain handler at `/spend`.
async fn app(
    configure: impl FnOnce(&mut ServiceConfig),
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    // So that the apps of one test share nothing.
    let prefix = NUMBER.fetch_add(1, Ordering::Relaxed).to_string();
    let limiter = still().key_prefix(prefix).application_limits("3/hour").build().expect("a limiter");
    init_service(
        App::new().wrap(limiter).route("/spend", actix_web::web::get().to(plain)).configure(configure),
    )
    .await
}

/// Takes all that the application limit of [`app`] leaves.
async fn spend<S, B>(app: &S)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    assert_eq!(passing(app, "GET", "/spend", "", AMOUNT).await, AMOUNT, "something was taken before");
    assert_eq!(get(app, "/spend").await, 429);
}

/// Counts the requests of so many that are answered, and not refused. A header line may go with them.
async fn passing<S, B>(app: &S, method: &str, target: &str, header: &str, requests: usize) -> usize
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let mut passed = 0;
    for _ in 0..requests {
        let mut request = request(method, target);
        if let Some((name, value)) = header.split_once(": ") {
            request = request.insert_header((name, value));
        }
        let answer = ask(app, request).await;
        assert!(matches!(answer.status, 200 | 429), "{method} {target}: {}", answer.status);
        passed += usize::from(answer.status == 200);
    }
    passed
}

async fn plain() -> &'static str {
    "plain"
}

/// A guard: whether there is a header `x-a`.
fn has_a(context: &GuardContext<'_>) -> bool {
    context.head().headers().contains_key("x-a")
}

/// A guard: whether there is a header `x-b`.
fn has_b(context: &GuardContext<'_>) -> bool {
    context.head().headers().contains_key("x-b")
}

/// For [`has_a`].
const A: &str = "x-a: 1";
/// For [`has_b`].
const B: &str = "x-b: 1";
