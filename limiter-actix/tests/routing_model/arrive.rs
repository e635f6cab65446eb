//! Handlers that note who has come.

use std::{
    cell::{Cell, RefCell},
    future::{Future, pending},
    pin::Pin,
};

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderValue, rt::task::yield_now};

/// The number of a scope, in its app data.
#[derive(Clone, Copy)]
pub(crate) struct Number(pub(crate) usize);

/// The handler a request has come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Handler {
    /// Of the place with this number.
    Of(usize),
    /// One of those with a route attribute.
    Fn(usize),
    Default,
}

/// A request that has come to a handler.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) handler: Handler,
    /// The innermost scope around it.
    pub(crate) scope: Option<usize>,
    /// The path that was routed.
    pub(crate) path: String,
}

thread_local! {
    static ARRIVALS: RefCell<Vec<Arrival>> = const { RefCell::new(Vec::new()) };
    /// The path as the limiter sees it.
    static PASSED: Cell<String> = const { Cell::new(String::new()) };
}

/// Takes the arrivals since it was last called.
pub(crate) fn take_arrivals() -> Vec<Arrival> {
    ARRIVALS.take()
}

/// Notes the path of a request that passes the place of the limiter.
pub(crate) fn note_passing(path: &str) {
    PASSED.set(path.to_owned());
}

/// Takes the path that was noted last.
pub(crate) fn take_passed() -> String {
    PASSED.take()
}

/// The header that makes a handler do something else than to answer.
pub(crate) const DO: &str = "x-do";

/// Notes the request, and answers unless it is to do something else.
pub(crate) async fn arrive(handler: Handler, req: HttpRequest) -> HttpResponse {
    let scope = req.app_data::<Number>().map(|number| number.0);
    let path = req.match_info().as_str().to_owned();
    ARRIVALS.with_borrow_mut(|arrivals| arrivals.push(Arrival { handler, scope, path }));
    match req.headers().get(DO).map(HeaderValue::as_bytes) {
        Some(b"hang") => pending().await,
        Some(b"panic") => std::panic::resume_unwind(Box::new("as the request wants it")),
        Some(b"wait") => {
            yield_now().await;
            yield_now().await;
        }
        _ => {}
    }
    HttpResponse::Ok().finish()
}

/// A handler that notes its requests.
pub(crate) fn handler(of: Handler) -> impl Fn(HttpRequest) -> Answer + Clone {
    move |req| Box::pin(arrive(of, req))
}

type Answer = Pin<Box<dyn Future<Output = HttpResponse>>>;
