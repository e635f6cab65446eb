//! A limit applies where actix finds it, never by the text of a path.

use std::{
    cell::Cell,
    future::{Future, Pending, Ready, pending, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
};

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse},
    http::Uri,
    middleware::Next,
    rt::task::yield_now,
    test::{TestRequest, init_service},
    web::ServiceConfig,
};
use limiter_actix::{Limit, LimiterBuilder, Quota};
use limiter_test_support::app::{ask, request};

mod answers_like_those_of_middleware;
mod app_data;
mod at_default_services;
mod at_once;
mod behind_guards;
mod by_pattern_after_rewriting;
mod by_pattern_without_a_route;
mod first_request;
mod in_order_of_registration;
mod limiter_further_in;
mod limiter_on_the_place;
mod on_a_remote_storage;
mod on_several_patterns;
mod over_tcp;
mod proof_of_arrival;
mod refused_in_front;
mod set_aside;
mod unmatched_paths;
mod when_dropped;
mod with_default_services;

/// Never lets anything through.
fn nothing() -> Limit {
    per_hour(0)
}

fn per_hour(amount: u64) -> Limit {
    Limit::new(Quota::per_hour(amount))
}

/// An app with this limiter.
async fn limited(
    builder: LimiterBuilder,
    configure: impl FnOnce(&mut ServiceConfig),
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    let limiter = builder.build().expect("a limiter");
    init_service(App::new().wrap(limiter).configure(configure)).await
}

/// Returns how many of so many requests are not refused, whatever answers them. A header line may go with them.
async fn admitted<S, B>(app: &S, method: &str, target: &str, header: &str, requests: usize) -> usize
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let mut admitted = 0;
    for _ in 0..requests {
        admitted += usize::from(ask(app, with(method, target, header)).await.status != 429);
    }
    admitted
}

/// A request with a header line, or with none.
fn with(method: &str, target: &str, header: &str) -> TestRequest {
    match header.split_once(": ") {
        Some(line) => request(method, target).insert_header(line),
        None => request(method, target),
    }
}

/// Polls a request so many times and drops it, unless it is answered before; returns the status.
async fn drop_after<S, B>(app: &S, request: TestRequest, polls: usize) -> Option<u16>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let mut answer = pin!(app.call(request.to_request()));
    for _ in 0..polls {
        let polled = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
        if let Poll::Ready(response) = polled {
            return response.ok().map(|response| response.status().as_u16());
        }
    }
    None
}

/// Counts how often a handler runs.
#[derive(Clone, Default)]
struct Runs(Rc<Cell<usize>>);

impl Runs {
    fn add(&self) {
        self.0.set(self.0.get() + 1);
    }

    fn count(&self) -> usize {
        self.0.get()
    }

    /// A handler that takes a while.
    fn take_a_while(&self) -> impl Fn() -> ByAndBy + Clone + use<> {
        let runs = self.clone();
        move || {
            runs.add();
            Box::pin(async {
                yield_now().await;
                "ok"
            })
        }
    }

    /// A handler that never answers.
    fn hang(&self) -> impl Fn() -> Pending<&'static str> + Clone + use<> {
        let runs = self.clone();
        move || {
            runs.add();
            pending()
        }
    }

    /// A handler that panics, without a message.
    fn panic(&self) -> impl Fn() -> Ready<&'static str> + Clone + use<> {
        let runs = self.clone();
        move || {
            runs.add();
            std::panic::resume_unwind(Box::new("the handler panics"))
        }
    }
}

/// The answer of a handler that takes a while.
type ByAndBy = std::pin::Pin<Box<dyn Future<Output = &'static str>>>;

/// Middleware that lets others go first.
async fn defer<B: MessageBody>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    yield_now().await;
    next.call(req).await
}

/// Middleware that takes `/v1` off the front of each path.
async fn without_v1<B: MessageBody>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(rest) = req.path().strip_prefix("/v1") {
        let uri: Uri = rest.parse().expect("a path");
        req.match_info_mut().get_mut().update(&uri);
        req.head_mut().uri = uri;
    }
    next.call(req).await
}
