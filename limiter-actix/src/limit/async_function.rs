//! Async functions of the application: awaited before a request is decided, and read from the request then.
//!
//! To the decision they are functions like all others: each has a [`Callback`] that returns its answer. So nothing else
//! knows whether a value was awaited.

use std::{
    any::Any,
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use actix_web::{HttpMessage, dev::ServiceRequest};
use futures_util::future::{LocalBoxFuture, join_all};
use limiter_core::Key;
use smallvec::SmallVec;
use tokio::time::timeout;

use super::{callback::Callback, function_value::FunctionValue};
use crate::DynamicQuotas;

/// An async function of the application, by the option that it is of. Equal to its clones only.
#[derive(Clone)]
pub(crate) struct AsyncFunction {
    /// The name of the option.
    pub(crate) option: &'static str,
    function: AnswerFn,
    /// Reached from here only, so that the linker leaves it out of programs without async functions.
    call_all: CallAll,
}

type CallAll =
    for<'r> fn(&'r [AsyncFunction], &'r ServiceRequest, Duration) -> LocalBoxFuture<'r, Vec<AsyncFailure>>;

type AnswerFn = Callback<dyn for<'r> Fn(&'r ServiceRequest) -> AnswerFuture<'r> + Send + Sync>;
type AnswerFuture<'r> = LocalBoxFuture<'r, Result<AsyncAnswer, String>>;

/// The answer of a function.
#[derive(Clone)]
pub(crate) enum AsyncAnswer {
    Key(Key),
    Number(u64),
    Yes(bool),
    Quotas(DynamicQuotas),
}

/// The answers of the functions that were called for a request, `None` of those that failed; in its extensions.
#[derive(Default)]
struct Answers(SmallVec<[(AsyncFunction, Option<AsyncAnswer>); 2]>);

/// The failure of a function.
pub(crate) struct AsyncFailure {
    pub(crate) function: AsyncFunction,
    pub(crate) reason: String,
}

impl AsyncFunction {
    /// Creates the function of an option. `answer` converts what it returns.
    pub(crate) fn new<F, V, T>(
        option: &'static str,
        function: F,
        answer: fn(T) -> Result<AsyncAnswer, String>,
    ) -> Self
    where
        F: AsyncFn(&ServiceRequest) -> V + Send + Sync + 'static,
        V: FunctionValue<T>,
        T: 'static,
    {
        let function = Arc::new(function);
        let call = of_any_request(move |req| {
            let function = Arc::clone(&function);
            Box::pin(async move { function(req).await.into_value().and_then(answer) })
        });
        let call_all: CallAll = |functions, req, deadline| Box::pin(call_all_now(functions, req, deadline));
        Self { option, function: Callback(Arc::new(call)), call_all }
    }

    /// Returns whether the function has been called for a request.
    pub(crate) fn is_called(&self, req: &ServiceRequest) -> bool {
        req.extensions().get::<Answers>().is_some_and(|answers| answers.find(self).is_some())
    }

    /// Returns the answer for a request. `None` if the function failed, or was not called.
    pub(crate) fn answer(&self, req: &ServiceRequest) -> Option<AsyncAnswer> {
        req.extensions().get::<Answers>()?.find(self)?.clone()
    }

    /// Calls the function. A panic in it is a failure.
    async fn call(&self, req: &ServiceRequest, deadline: Duration) -> Result<AsyncAnswer, String> {
        // The future is made within, since that may panic, too.
        let call = async { (self.function)(req).await };
        match timeout(deadline, caught(call)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(format!("it panicked: {}", text_of(&*panic))),
            Err(_) => Err(format!("no answer within {deadline:?}")),
        }
    }
}

/// Calls functions at once, each with this deadline, and keeps their answers with the request. Returns the failures.
pub(crate) async fn call_all(
    functions: &[AsyncFunction],
    req: &ServiceRequest,
    deadline: Duration,
) -> Vec<AsyncFailure> {
    match functions {
        [] => Vec::new(),
        [first, ..] => (first.call_all)(functions, req, deadline).await,
    }
}

async fn call_all_now(
    functions: &[AsyncFunction],
    req: &ServiceRequest,
    deadline: Duration,
) -> Vec<AsyncFailure> {
    let answers = join_all(functions.iter().map(|function| function.call(req, deadline))).await;
    let mut failures = Vec::new();
    let mut extensions = req.extensions_mut();
    if !extensions.contains::<Answers>() {
        extensions.insert(Answers::default());
    }
    for (function, answer) in functions.iter().zip(answers) {
        let answer = answer.map_err(|reason| {
            failures.push(AsyncFailure { function: function.clone(), reason });
        });
        if let Some(answers) = extensions.get_mut::<Answers>() {
            answers.0.push((function.clone(), answer.ok()));
        }
    }
    failures
}

impl PartialEq for AsyncFunction {
    fn eq(&self, other: &Self) -> bool {
        self.option == other.option && self.function == other.function
    }
}

impl Answers {
    fn find(&self, function: &AsyncFunction) -> Option<&Option<AsyncAnswer>> {
        self.0.iter().find(|(other, _)| other == function).map(|(_, answer)| answer)
    }
}

impl AsyncAnswer {
    /// Returns the answer of a key function.
    pub(crate) fn key(key: Key) -> Result<Self, String> {
        if key.is_failed() { Err("it returned an error".to_owned()) } else { Ok(Self::Key(key)) }
    }

    pub(crate) fn quotas(quotas: DynamicQuotas) -> Result<Self, String> {
        match quotas {
            DynamicQuotas::Error(error) => Err(error),
            quotas => Ok(Self::Quotas(quotas)),
        }
    }
}

impl fmt::Debug for AsyncFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "async {}", self.option)
    }
}

/// Ends a future that panics, and returns the value of the panic.
pub(crate) async fn caught<T>(call: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut call = pin!(call);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Lets the compiler infer a closure that borrows the request in its future.
fn of_any_request<F>(call: F) -> F
where
    F: for<'r> Fn(&'r ServiceRequest) -> AnswerFuture<'r>,
{
    call
}

/// Returns the message of a panic.
pub(crate) fn text_of(panic: &dyn Any) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}
