//! A limit: a quota with its key, cost, scope and options.

pub(crate) mod callback;
mod compare;
pub(crate) mod exempt;
pub(crate) mod limits;
pub(crate) mod named;
pub(crate) mod on_storage_failure;
pub(crate) mod quota_source;
pub(crate) mod rule;

use std::{fmt, num::NonZeroU64, sync::Arc};

use actix_web::{
    HttpResponse,
    dev::{ResponseHead, ServiceRequest},
    http::Method,
};
use limiter_core::{Key, Quota, Strategy};

use crate::{Breach, OnStorageFailure};

use self::{
    callback::{BreachFn, Cost, KeyFn, RequestPredicate, ResponsePredicate, Text},
    quota_source::{DynamicQuotas, Source},
};

/// A quota with its key, cost, scope and options.
///
/// ```
/// use limiter_actix::{Key, Limit, Quota, Strategy};
///
/// let limit = Limit::new(Quota::per_minute(5))
///     .strategy(Strategy::MovingWindow)
///     .key(|req| req.headers().get("x-api-key").and_then(|v| v.to_str().ok()).map(|v| Key::text("api-key", v)))
///     .methods(["POST"])
///     .error_message("too many attempts");
/// # let _ = limit;
/// ```
#[derive(Clone)]
#[must_use]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Limit {
    pub(crate) source: Source,
    pub(crate) strategy: Option<Strategy>,
    pub(crate) burst: Option<NonZeroU64>,
    pub(crate) key: Option<KeyFn>,
    pub(crate) cost: Cost,
    pub(crate) exempt_when: Option<RequestPredicate>,
    pub(crate) deduct_when: Option<ResponsePredicate>,
    pub(crate) refund_on_drop: bool,
    pub(crate) methods: Vec<Method>,
    pub(crate) per_method: bool,
    pub(crate) override_defaults: bool,
    pub(crate) message: Option<Text>,
    pub(crate) on_breach: Option<BreachFn>,
    pub(crate) shared: Option<Text>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) meta: Vec<Quota>,
    pub(crate) shadow: bool,
    pub(crate) on_storage_failure: Option<OnStorageFailure>,
}

impl Limit {
    /// A limit of this quota, with no options.
    pub fn new(quota: Quota) -> Self {
        Self::from_source(Source::Fixed(quota))
    }

    /// A limit whose quotas a function of the request tells: per tier, per tenant, from a configuration that
    /// changes.
    ///
    /// The function is called once per request. It may return a [`Quota`], [`Quotas`](crate::Quotas), or a text in their
    /// notation; none means that there is no limit here for this request. A text that cannot be read is
    /// logged as an error, and the limits further out hold for this request, together with the others here.
    /// A `Result` whose error says why no limit can be told makes the answer 500.
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
        Q: Into<DynamicQuotas>,
    {
        Self::from_source(Source::dynamic(function))
    }

    fn from_source(source: Source) -> Self {
        Self {
            source,
            strategy: None,
            burst: None,
            key: None,
            cost: Cost::Fixed(1),
            exempt_when: None,
            deduct_when: None,
            refund_on_drop: false,
            methods: Vec::new(),
            per_method: false,
            override_defaults: true,
            message: None,
            on_breach: None,
            shared: None,
            name: None,
            meta: Vec::new(),
            shadow: false,
            on_storage_failure: None,
        }
    }

    /// Who is counted, instead of what the limiter's own key says. A missing key falls back to that.
    pub fn key<F, K>(mut self, key: F) -> Self
    where
        F: Fn(&ServiceRequest) -> K + Send + Sync + 'static,
        K: Into<Key>,
    {
        self.key = Some(Arc::new(move |req| key(req).into()));
        self
    }

    /// How much a request takes; 1 unless set. 0 always passes and takes nothing.
    pub fn cost(mut self, cost: u64) -> Self {
        self.cost = Cost::Fixed(cost);
        self
    }

    /// How much a request takes, as a function of it.
    pub fn cost_with(mut self, cost: impl Fn(&ServiceRequest) -> u64 + Send + Sync + 'static) -> Self {
        self.cost = Cost::With(Arc::new(cost));
        self
    }

    /// How much a token bucket holds; the amount of the quota unless set. Only for
    /// [`Strategy::TokenBucket`]; 0 counts as not set.
    pub fn burst(mut self, burst: u64) -> Self {
        self.burst = NonZeroU64::new(burst);
        self
    }

    /// Lifts this limit for the requests of which the function says yes.
    pub fn exempt_when(mut self, exempt: impl Fn(&ServiceRequest) -> bool + Send + Sync + 'static) -> Self {
        self.exempt_when = Some(Arc::new(exempt));
        self
    }

    /// Counts only the requests whose response the function says yes to.
    ///
    /// The cost is reserved before the handler runs and given back after the response head when the function
    /// says no, so that concurrent requests cannot overshoot. When the client hangs up or the handler panics
    /// there is no response, and the cost stays taken unless [`refund_on_drop`](Self::refund_on_drop)
    /// says otherwise.
    pub fn deduct_when(mut self, deduct: impl Fn(&ResponseHead) -> bool + Send + Sync + 'static) -> Self {
        self.deduct_when = Some(Arc::new(deduct));
        self
    }

    /// Whether the cost comes back when a request is dropped before its answer: the client hung up, a middleware
    /// stopped waiting, or the handler panicked. Not unless set, since hanging up then makes attempts free.
    ///
    /// It comes back as soon as the request is dropped, with or without [`deduct_when`](Self::deduct_when). What
    /// a storage on another machine was still asked for at that moment stays taken.
    pub fn refund_on_drop(mut self, refund: bool) -> Self {
        self.refund_on_drop = refund;
        self
    }

    /// Limits only these methods; all unless set. GET includes HEAD.
    ///
    /// Names are taken in any case, and several may stand in one text, apart by commas or blanks. What is no
    /// name of a method is left out and told in the log at ERROR; where nothing is left, the limit holds for
    /// all methods.
    pub fn methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        let names = methods.into_iter().flat_map(|names| names.split([',', ' ']));
        self.methods = names.filter(|name| !name.is_empty()).filter_map(method).collect();
        self
    }

    /// Whether each method has a count of its own. HEAD counts as GET, and all unknown methods count as one.
    pub fn per_method(mut self, per_method: bool) -> Self {
        self.per_method = per_method;
        self
    }

    /// Whether the level this limit stands on replaces what is declared further out; true unless set. A level
    /// does so when any of its limits does.
    pub fn override_defaults(mut self, override_defaults: bool) -> Self {
        self.override_defaults = override_defaults;
        self
    }

    /// What a refused client reads, instead of the quota.
    pub fn error_message(mut self, message: impl Into<Arc<str>>) -> Self {
        self.message = Some(Text::Fixed(message.into()));
        self
    }

    /// What a refused client reads, as a function of the request.
    pub fn error_message_with<F, T>(mut self, message: F) -> Self
    where
        F: Fn(&ServiceRequest) -> T + Send + Sync + 'static,
        T: Into<String>,
    {
        self.message = Some(Text::With(Arc::new(move |req| message(req).into())));
        self
    }

    /// Answers refusals by this limit; none means the default answer.
    pub fn on_breach(
        mut self,
        answer: impl Fn(&Breach) -> Option<HttpResponse> + Send + Sync + 'static,
    ) -> Self {
        self.on_breach = Some(Arc::new(answer));
        self
    }

    /// How the quota is counted, instead of what the limiter says.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// The name in headers and logs, instead of the quota.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Shares one count among all limits of this name, whatever route or scope they stand on.
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
        self.shared = Some(Text::With(Arc::new(move |req| name(req).into())));
        self
    }

    /// Limits how often a client may breach this limit before it refuses everything; may be called several
    /// times.
    pub fn meta(mut self, quota: Quota) -> Self {
        self.meta.push(quota);
        self
    }

    /// Whether this limit is only watched: counted and logged, but never refusing.
    pub fn shadow(mut self, shadow: bool) -> Self {
        self.shadow = shadow;
        self
    }

    /// What happens when the storage fails, instead of what the limiter says. Its own meta limits do the same.
    pub fn on_storage_failure(mut self, on_failure: OnStorageFailure) -> Self {
        self.on_storage_failure = Some(on_failure);
        self
    }

    /// Whether this limit counts a method at all.
    pub(crate) fn covers(&self, method: &Method) -> bool {
        let as_get = |it: &Method| if *it == Method::HEAD { Method::GET } else { it.clone() };
        self.methods.is_empty() || self.methods.iter().any(|it| as_get(it) == as_get(method))
    }
}

fn method(name: &str) -> Option<Method> {
    let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes());
    if method.is_err() {
        tracing::error!(name, "a limit names a method that cannot be; expected one such as `POST`");
    }
    method.ok()
}

impl From<Quota> for Limit {
    fn from(quota: Quota) -> Self {
        Self::new(quota)
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without `..`: limiters are compared by this text, so that a new option must not be missing.
        let Self {
            source,
            strategy,
            burst,
            key,
            cost,
            exempt_when,
            deduct_when,
            refund_on_drop,
            methods,
            per_method,
            override_defaults,
            message,
            on_breach,
            shared,
            name,
            meta,
            shadow,
            on_storage_failure,
        } = self;
        f.debug_struct("Limit")
            .field("quota", source)
            .field("strategy", strategy)
            .field("name", name)
            .field("burst", burst)
            .field("cost", cost)
            .field("methods", methods)
            .field("per_method", per_method)
            .field("override_defaults", override_defaults)
            .field("message", message)
            .field("shared", shared)
            .field("meta", meta)
            .field("refund_on_drop", refund_on_drop)
            .field("shadow", shadow)
            .field("on_storage_failure", on_storage_failure)
            .field("has_key", &key.is_some())
            .field("has_exempt_when", &exempt_when.is_some())
            .field("has_deduct_when", &deduct_when.is_some())
            .field("has_on_breach", &on_breach.is_some())
            .finish()
    }
}
