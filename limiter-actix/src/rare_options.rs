//! Setters of options that few limits have. They link the code of these, so they are not with the other setters.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use limiter_core::{BanRule, Key};

use crate::{
    DynamicQuotas, Limit,
    builder::build::link_names,
    decision::ban_by_rule::link_ban,
    limit::{
        async_answers::{read_key, read_predicate},
        async_function::{AsyncAnswer, AsyncFunction},
        callback::{Callback, Cost},
        function_value::FunctionValue,
        quota_source::Source,
    },
    plan::dynamic::link_dynamic,
    request::link_waits,
};

/// # Further options
impl Limit {
    /// Creates a limit whose quotas are computed from the request, for example per plan or per tenant.
    ///
    /// The limiter calls `function` once per request. It may return a [`Quota`](crate::Quota),
    /// [`Quotas`](crate::Quotas), a text in their notation, or an `Option` or `Result` of these. If it returns `None`,
    /// there is no limit here for this request. If it returns an error, the response is 500. It sees the `app_data` of
    /// the app, and not that of scopes inside the limiter.
    ///
    /// If a text is invalid, the limiter logs that as an error (`L001`). The other limits at the same place then apply to
    /// this request, together with the outer limits.
    ///
    /// ```
    /// use actix_web::dev::ServiceRequest;
    /// use limiter_actix::Limit;
    ///
    /// fn by_tier(req: &ServiceRequest) -> &'static str {
    ///     if req.headers().contains_key("x-premium") { "500/minute" } else { "20/minute" }
    /// }
    ///
    /// let limit = Limit::dynamic(by_tier);
    /// # let _ = limit;
    /// ```
    pub fn dynamic<F, Q>(function: F) -> Self
    where
        F: Fn(&ServiceRequest) -> Q + Send + Sync + 'static,
        Q: FunctionValue<DynamicQuotas>,
    {
        link_dynamic();
        Self::from_source(Source::dynamic(function))
    }

    /// Sets the name in headers, logs and metrics, by which code [hits](crate::Limiter::hit) and clears the limit too.
    /// Defaults to the quota.
    ///
    /// Only limits of different routes or scopes may have the same name. Otherwise
    /// [`build`](crate::LimiterBuilder::build) fails, and names both places.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        link_names();
        self.name = Some(name.into());
        self
    }

    /// Bans a client that breaches this limit again and again, by the limit's key. Defaults to no rule.
    ///
    /// The breaches are counted in a fixed window, which begins with the first. Refusals by other limits do not count. The
    /// storage must keep [bans](crate::Limiter::ban).
    ///
    /// ```
    /// use std::time::Duration;
    /// use limiter_actix::{BanRule, Limit, Quota};
    ///
    /// let rule = BanRule::new(Duration::from_secs(3600), 10, Duration::from_secs(300));
    /// let limit = Limit::new(Quota::per_minute(5)).ban(rule);
    /// let same = Limit::new(Quota::per_minute(5)).ban("1 hour after 10 breaches in 5 minutes".parse()?);
    /// # let _ = (limit, same);
    /// # Ok::<(), limiter_actix::ParseQuotaError>(())
    /// ```
    pub fn ban(mut self, rule: BanRule) -> Self {
        link_ban();
        self.ban = Some(rule);
        self
    }
}

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
        link_waits();
        link_dynamic();
        let function = AsyncFunction::new("limit", function, AsyncAnswer::quotas);
        let read = function.clone();
        let source = Source::Dynamic(Callback(Arc::new(move |req| match read.answer(req) {
            Some(AsyncAnswer::Quotas(quotas)) => quotas,
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
        link_waits();
        let function = AsyncFunction::new("key", key, AsyncAnswer::key);
        self.key = Some(read_key(&function));
        self.with_async(function)
    }

    /// Sets an async function that returns the amount that a request is charged: a `u64`, or a `Result` of one.
    pub fn cost_async<F, C>(mut self, cost: F) -> Self
    where
        F: AsyncFn(&ServiceRequest) -> C + Send + Sync + 'static,
        C: FunctionValue<u64>,
    {
        link_waits();
        let function = AsyncFunction::new("cost", cost, |cost| Ok(AsyncAnswer::Number(cost)));
        let read = function.clone();
        self.cost = Cost::With(Callback(Arc::new(move |req| match read.answer(req) {
            Some(AsyncAnswer::Number(cost)) => cost,
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
        link_waits();
        let function = AsyncFunction::new("exempt_when", exempt, |yes| Ok(AsyncAnswer::Yes(yes)));
        self.exempt_when = Some(read_predicate(&function));
        self.with_async(function)
    }
}
