//! Setters of async functions.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

use super::{
    Limit,
    async_function::{Answer, AsyncFunction},
    callback::{Callback, Cost, KeyFn, RequestPredicate},
    function_value::FunctionValue,
    quota_source::Source,
};
use crate::DynamicQuotas;

/// # Async functions
///
/// They are awaited before the request is decided, all that it needs at once, and each at most once for a request. If one
/// fails, panics, or exceeds the [deadline](crate::LimiterBuilder::function_deadline), the limiter logs that as an error
/// (`L017`). Its limit then does not apply to this request. The other limits at the same place do, together with the outer
/// limits. [`Lookup`](crate::Lookup) caches what a function finds in a database.
impl Limit {
    /// Creates a limit whose quotas an async function computes from the request, for example from the client's plan in a
    /// database. It returns the same as the function of [`Limit::dynamic`].
    ///
    /// ```
    /// use actix_web::dev::ServiceRequest;
    /// use limiter_actix::{Limit, Quota};
    ///
    /// async fn by_plan(req: &ServiceRequest) -> Result<Quota, std::io::Error> {
    ///     # let plan_of = async |_| Ok::<_, std::io::Error>(100);
    ///     Ok(Quota::per_minute(plan_of(req.headers().get("x-api-key")).await?))
    /// }
    ///
    /// let limit = Limit::dynamic_async(by_plan);
    /// # let _ = limit;
    /// ```
    pub fn dynamic_async<F, Q>(function: F) -> Self
    where
        F: AsyncFn(&ServiceRequest) -> Q + Send + Sync + 'static,
        Q: FunctionValue<DynamicQuotas>,
    {
        let function = AsyncFunction::new("limit", function, Answer::quotas);
        let read = function.clone();
        let source = Source::Dynamic(Callback(Arc::new(move |req| match read.answer(req) {
            Some(Answer::Quotas(quotas)) => quotas,
            _ => DynamicQuotas::Unlimited,
        })));
        Self::from_source(source).with_async(function)
    }

    /// Sets an async function that identifies the client. If it returns no key, the limiter's own key is used.
    ///
    /// ```
    /// use actix_web::dev::ServiceRequest;
    /// use limiter_actix::{Key, Limit, Quota};
    ///
    /// async fn account(req: &ServiceRequest) -> Option<Key> {
    ///     # let account_of = async |_| Some(7);
    ///     let token = req.headers().get("authorization")?;
    ///     Some(Key::text("account", account_of(token).await?))
    /// }
    ///
    /// let limit = Limit::new(Quota::per_minute(5)).key_async(account);
    /// # let _ = limit;
    /// ```
    pub fn key_async<F, K>(mut self, key: F) -> Self
    where
        F: AsyncFn(&ServiceRequest) -> K + Send + Sync + 'static,
        K: FunctionValue<Key>,
    {
        let function = AsyncFunction::new("key", key, Answer::key);
        self.key = Some(read_key(&function));
        self.with_async(function)
    }

    /// Sets an async function that returns the amount that a request is charged: a `u64`, or a `Result` of one.
    pub fn cost_async<F, C>(mut self, cost: F) -> Self
    where
        F: AsyncFn(&ServiceRequest) -> C + Send + Sync + 'static,
        C: FunctionValue<u64>,
    {
        let function = AsyncFunction::new("cost", cost, |cost| Ok(Answer::Number(cost)));
        let read = function.clone();
        self.cost = Cost::With(Callback(Arc::new(move |req| match read.answer(req) {
            Some(Answer::Number(cost)) => cost,
            _ => 1,
        })));
        self.with_async(function)
    }

    /// Lifts this limit for requests for which the async function returns `true`, or `Ok(true)`.
    pub fn exempt_when_async<F, B>(mut self, exempt: F) -> Self
    where
        F: AsyncFn(&ServiceRequest) -> B + Send + Sync + 'static,
        B: FunctionValue<bool>,
    {
        let function = AsyncFunction::new("exempt_when", exempt, |yes| Ok(Answer::Yes(yes)));
        self.exempt_when = Some(read_predicate(&function));
        self.with_async(function)
    }

    /// Replaces the async function of the same option.
    fn with_async(self, function: AsyncFunction) -> Self {
        let mut limit = self.without_async(function.option);
        limit.async_functions.push(function);
        limit
    }

    pub(super) fn without_async(mut self, option: &str) -> Self {
        self.async_functions.retain(|function| function.option != option);
        self
    }

    /// Returns whether the answers for a request are there, as far as they matter.
    pub(crate) fn has_answers(&self, req: &ServiceRequest) -> bool {
        self.async_functions.iter().all(|function| function.answer(req).is_some())
            // Nothing else matters then.
            || self.async_functions.iter().any(|function| {
                function.option == "exempt_when" && matches!(function.answer(req), Some(Answer::Yes(true)))
            })
    }
}

/// Returns the function that reads the answer of a key function. If that failed, there is no key.
pub(crate) fn read_key(function: &AsyncFunction) -> KeyFn {
    let read = function.clone();
    Callback(Arc::new(move |req| match read.answer(req) {
        Some(Answer::Key(key)) => key,
        _ => Key::missing(),
    }))
}

/// Returns the function that reads the answer of a predicate. If that failed, it is `false`.
pub(crate) fn read_predicate(function: &AsyncFunction) -> RequestPredicate {
    let read = function.clone();
    Callback(Arc::new(move |req| matches!(read.answer(req), Some(Answer::Yes(true)))))
}
