//! Setters of a limit's options.

use std::{num::NonZeroU64, sync::Arc};

use actix_web::{
    dev::{ResponseHead, ServiceRequest},
    http::Method,
};
use limiter_core::{Key, Quota, Strategy};

use super::{
    Limit,
    callback::{Callback, Cost, Text},
    deduct_answer::DeductAnswer,
    function_value::FunctionValue,
};
use crate::{Breach, BreachResponse, OnStorageFailure};

impl Limit {
    /// Sets the function that identifies the client. Defaults to the limiter's own key, which is also used when it
    /// returns no key.
    pub fn key<F, K>(mut self, key: F) -> Self
    where
        F: Fn(&ServiceRequest) -> K + Send + Sync + 'static,
        K: FunctionValue<Key>,
    {
        let key = move |req: &_| key(req).into_value().unwrap_or_else(|_| Key::failed());
        self.key = Some(Callback(Arc::new(key)));
        self.without_async("key")
    }

    /// Sets the amount that a request is charged. Defaults to 1.
    ///
    /// A request of cost 0 always passes and is not charged.
    pub fn cost(mut self, cost: u64) -> Self {
        self.cost = Cost::Fixed(cost);
        self.without_async("cost")
    }

    /// Sets the function that returns the amount that a request is charged.
    pub fn cost_with(mut self, cost: impl Fn(&ServiceRequest) -> u64 + Send + Sync + 'static) -> Self {
        self.cost = Cost::With(Callback(Arc::new(cost)));
        self.without_async("cost")
    }

    /// Sets the capacity of a token bucket. Defaults to the amount of the quota.
    ///
    /// Requires [`Strategy::TokenBucket`]. 0 is an error of [`build`](crate::LimiterBuilder::build).
    pub fn burst(mut self, burst: u64) -> Self {
        self.burst = NonZeroU64::new(burst);
        if burst == 0 {
            self.issues.push("`burst`: expected at least 1, found 0".to_owned());
        }
        self
    }

    /// Lifts this limit for requests for which `exempt` returns `true`.
    pub fn exempt_when(mut self, exempt: impl Fn(&ServiceRequest) -> bool + Send + Sync + 'static) -> Self {
        self.exempt_when = Some(Callback(Arc::new(exempt)));
        self.without_async("exempt_when")
    }

    /// Refunds the cost if `deduct` returns `false` for the response.
    ///
    /// The limiter charges the cost before the handler runs, so concurrent requests cannot overshoot the limit. It
    /// calls `deduct` when the head of the response exists. If the client disconnects or the handler panics, there
    /// is no response. The cost is then refunded only with [`refund_on_drop`](Self::refund_on_drop).
    pub fn deduct_when<F, D>(mut self, deduct: F) -> Self
    where
        F: Fn(&ResponseHead) -> D + Send + Sync + 'static,
        D: DeductAnswer,
    {
        self.deduct_when = Some(Callback(Arc::new(move |head| deduct(head).into_bool())));
        self
    }

    /// Refunds the cost if the request is dropped before a response exists (client disconnect, timeout, panic).
    /// Defaults to `false`, because disconnecting would otherwise make attempts free.
    ///
    /// This works with and without [`deduct_when`](Self::deduct_when). A hit that a remote storage was still
    /// deciding when the request was dropped is not refunded.
    pub fn refund_on_drop(mut self, refund: bool) -> Self {
        self.refund_on_drop = refund;
        self
    }

    /// Limits only these methods. Defaults to all methods. GET includes HEAD.
    ///
    /// Names are case-insensitive. One text may contain several, separated by commas or spaces. No name, and an invalid
    /// one, are errors of [`build`](crate::LimiterBuilder::build). On a route or scope, which `build` does not know, they
    /// are logged as errors (`L004`) and ignored. If no name is left, the limit then applies to all methods.
    pub fn methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        let names = methods.into_iter().flat_map(|names| names.split([',', ' ']));
        let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            self.issues.push("`methods`: expected at least one method".to_owned());
        }
        self.methods.clear();
        for name in names {
            match Method::from_bytes(name.to_ascii_uppercase().as_bytes()) {
                Ok(method) => self.methods.push(method),
                Err(_) => {
                    self.issues.push(format!("`methods`: expected a method such as `POST`, found `{name}`"));
                }
            }
        }
        self
    }

    /// Sets whether each method has its own count. Defaults to `false`.
    ///
    /// HEAD counts as GET, and all unknown methods share one count.
    pub fn per_method(mut self, per_method: bool) -> Self {
        self.per_method = per_method;
        self
    }

    /// Sets whether this limit overrides the limits declared further out. Defaults to `true`.
    ///
    /// A level overrides the outer levels if any of its limits does.
    pub fn override_defaults(mut self, override_defaults: bool) -> Self {
        self.override_defaults = override_defaults;
        self
    }

    /// Sets the text of a refusal. Defaults to the quota.
    pub fn error_message(mut self, message: impl Into<Arc<str>>) -> Self {
        self.message = Some(Text::Fixed(message.into()));
        self
    }

    /// Sets the function that returns the text of a refusal.
    pub fn error_message_with<F, T>(mut self, message: F) -> Self
    where
        F: Fn(&ServiceRequest) -> T + Send + Sync + 'static,
        T: Into<String>,
    {
        self.message = Some(Text::With(Callback(Arc::new(move |req| message(req).into()))));
        self
    }

    /// Sets the function that responds to a refusal by this limit: with a response, or an `Option` of one. If it returns
    /// `None`, the limiter's response is sent.
    pub fn on_breach<F, R>(mut self, respond: F) -> Self
    where
        F: Fn(&Breach, &ServiceRequest) -> R + Send + Sync + 'static,
        R: BreachResponse,
    {
        self.on_breach = Some(Callback(Arc::new(move |breach, req| respond(breach, req).into_response())));
        self
    }

    /// Sets the counting strategy. Defaults to that of the limiter.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// Shares one count among all limits of this name, whatever route or scope they are declared on.
    pub fn shared(mut self, name: impl Into<Arc<str>>) -> Self {
        self.shared = Some(Text::Fixed(name.into()));
        self
    }

    /// Shares one count among all limits for which the function returns the same name.
    pub fn shared_with<F, T>(mut self, name: F) -> Self
    where
        F: Fn(&ServiceRequest) -> T + Send + Sync + 'static,
        T: Into<String>,
    {
        self.shared = Some(Text::With(Callback(Arc::new(move |req| name(req).into()))));
        self
    }

    /// Limits how often a client may breach this limit. A client over that quota is refused everywhere. May be
    /// called more than once.
    pub fn meta(mut self, quota: Quota) -> Self {
        if quota.unit().is_concurrent() {
            self.issues.push(format!("`meta`: expected a quota of breaches in a time, found `{quota}`"));
            return self;
        }
        self.meta.push(quota);
        self
    }

    /// Sets whether the cost is an estimate of a usage that is known later: of tokens, rows or bytes. Defaults to `false`.
    ///
    /// A request then passes while at least 1 is left, and reserves its cost. The handler or the stream of the body reports
    /// what was used through [`Usage`](crate::Usage). If it was less, the rest is refunded; if more, it is charged beyond
    /// the limit. An estimate above the whole limit reserves the whole limit. One of 0 always passes.
    pub fn metered(mut self, metered: bool) -> Self {
        self.metered = metered;
        self
    }

    /// Sets whether the count survives a change of the amount, by a dynamic limit or a reload. Defaults to `false`.
    ///
    /// A client that used 80 of 100 has 920 left of 1000, and none of 50. Another window or strategy starts from zero. The
    /// token bucket does not support it, so `build` fails.
    pub fn keep_used(mut self, keep_used: bool) -> Self {
        self.keep_used = keep_used;
        self
    }

    /// Sets whether its count may be charged ahead of need, if a storage on another machine keeps it. Defaults to what
    /// [`LimiterBuilder::leases`](crate::LimiterBuilder::leases) sets for all limits, and is off without that.
    ///
    /// The count needs a fixed window, and neither [`keep_used`](Self::keep_used) nor [`metered`](Self::metered). A request
    /// is decided from leases if all of its limits have them.
    pub fn leases(mut self, leases: bool) -> Self {
        self.leases = Some(leases);
        self
    }

    /// Sets whether this limit only counts and reports, but never refuses. Defaults to `false`.
    pub fn shadow(mut self, shadow: bool) -> Self {
        self.shadow = shadow;
        self
    }

    /// Sets the policy for storage failures, also for the meta limits of this limit. Defaults to that of the
    /// limiter.
    pub fn on_storage_failure(mut self, on_failure: OnStorageFailure) -> Self {
        self.on_storage_failure = Some(on_failure);
        self
    }
}
