//! Sends requests, whole or not.

use std::{
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
    task::Poll,
};

use actix_http::Request;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    test::TestRequest,
};
use futures_util::{FutureExt, future::join_all};
use limiter_test_support::app::request;

use crate::{
    arrive::{Arrival, DO, take_arrivals, take_passed},
    description::{self, Kind, Path, Spelling},
    middleware::DENY,
    sites::Sites,
};

/// The fate of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Its handler ran; none is known where actix itself answers.
    Admitted(Option<Arrival>),
    Refused,
    /// Middleware has answered.
    Denied,
    /// It was dropped before it came to a handler.
    Lost,
}

/// The path of a request.
pub(crate) fn path(sites: &Sites<'_>, path: &Path) -> String {
    let (number, fill, spelling) = match path {
        Path::Of(number, fill, spelling) => (*number, *fill, *spelling),
        Path::Text(text) => return (*text).to_owned(),
    };
    let patterns: Vec<&String> = sites.all.iter().flat_map(|site| &site.patterns).collect();
    let Some(number) = number.checked_rem(patterns.len()) else { return "/".to_owned() };
    let segments = patterns[number].split('/');
    let filled = segments.map(|segment| if segment.starts_with('{') { fill } else { segment });
    let plain = filled.collect::<Vec<_>>().join("/");
    match spelling {
        _ if plain.is_empty() => "/".to_owned(),
        Spelling::Plain => plain,
        Spelling::Slash => format!("{plain}/"),
        Spelling::Double => format!("/{plain}"),
        Spelling::Below => format!("/v{plain}"),
        Spelling::Longer => format!("{plain}/{fill}"),
        Spelling::Escaped => plain.replace('x', "%78").replace('a', "%61"),
    }
}

fn made(target: &str, of: &description::Request, kind: Kind) -> TestRequest {
    let headers = [(of.a, "x-a"), (of.b, "x-b"), (kind == Kind::Denied, DENY)];
    let plain = request(of.method.name(), target);
    let there = headers.into_iter().filter(|(is_there, _)| *is_there);
    let made = there.fold(plain, |made, (_, name)| made.insert_header((name, "1")));
    match kind {
        Kind::Dropped(_) => made.insert_header((DO, "hang")),
        Kind::Panics => made.insert_header((DO, "panic")),
        Kind::Together => made.insert_header((DO, "wait")),
        Kind::Whole | Kind::Denied => made,
    }
}

/// Sends a request to the bare twin; returns the path as the limiter would see it, and where it came to.
pub(crate) async fn ask<S, B>(bare: &S, target: &str, of: &description::Request) -> (String, Arrival)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    bare.call(made(target, of, Kind::Whole).to_request()).await.expect("an answer");
    let mut arrivals = take_arrivals();
    assert_eq!(arrivals.len(), 1, "one handler answers");
    (take_passed(), arrivals.remove(0))
}

/// Sends one request, or as many as are to come together.
pub(crate) async fn send<S, B>(
    app: &S,
    target: &str,
    of: &description::Request,
    kind: Kind,
    together: usize,
) -> Vec<Outcome>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let call = || app.call(made(target, of, kind).to_request());
    match kind {
        Kind::Whole | Kind::Denied => vec![outcome(Some(status(call().await)))],
        Kind::Dropped(polls) => vec![outcome(poll_some(call(), polls).await.map(status))],
        Kind::Panics => {
            let answer = AssertUnwindSafe(async { call().await }).catch_unwind().await;
            vec![outcome(answer.ok().map(status))]
        }
        Kind::Together => {
            let statuses: Vec<u16> =
                join_all((0..together).map(|_| call())).await.into_iter().map(status).collect();
            let mut arrivals = take_arrivals().into_iter();
            let outcomes = statuses.into_iter().map(|status| match status {
                401 => Outcome::Denied,
                429 => Outcome::Refused,
                _ => Outcome::Admitted(arrivals.next()),
            });
            outcomes.collect()
        }
    }
}

fn status<B>(answer: Result<ServiceResponse<B>, Error>) -> u16 {
    answer.map_or_else(|error| error.error_response().status(), |response| response.status()).as_u16()
}

/// Polls so many times, and drops what has no answer then.
async fn poll_some<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            return Some(output);
        }
    }
    None
}

/// The outcome of a request that came to this status, or was dropped.
fn outcome(status: Option<u16>) -> Outcome {
    let mut arrivals = take_arrivals();
    assert!(arrivals.len() <= 1, "one request runs two handlers: {arrivals:?}");
    match (status, arrivals.pop()) {
        (Some(429), None) => Outcome::Refused,
        (Some(401), None) => Outcome::Denied,
        (Some(429 | 401), Some(arrival)) => unreachable!("refused after it has come to {arrival:?}"),
        (Some(_), arrival) => Outcome::Admitted(arrival),
        (None, Some(arrival)) => Outcome::Admitted(Some(arrival)),
        (None, None) => Outcome::Lost,
    }
}
