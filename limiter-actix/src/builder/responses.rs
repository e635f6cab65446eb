//! Settings of responses.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;

use super::LimiterBuilder;
use crate::settings::partial::HeaderNameOverrides;
use crate::{
    Breach, BreachResponse, HeaderNames, Headers, RetryAfter, limit::callback::Callback,
    report::partition_key::PartitionSecret,
};

/// # Responses
impl LimiterBuilder {
    /// Sets the headers that show clients their limits, on every response to a limited request. Defaults to
    /// [`Headers::NONE`].
    ///
    /// `true` means [`Headers::X_RATELIMIT`].
    pub fn headers(mut self, headers: impl Into<Headers>) -> Self {
        self.code.headers = Some(headers.into());
        self
    }

    /// Renames these headers and `Retry-After`. Defaults to [`HeaderNames::default`].
    pub fn header_names(mut self, names: HeaderNames) -> Self {
        let HeaderNames { limit, remaining, reset, retry_after } = names;
        let fallback = self.code.names.fallback.take();
        self.code.names = HeaderNameOverrides {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(reset),
            retry_after: Some(retry_after),
            fallback,
        };
        self
    }

    /// Sets the form of `Retry-After`, which all refusals have. Defaults to [`RetryAfter::Seconds`].
    pub fn retry_after(mut self, form: RetryAfter) -> Self {
        self.code.retry_after = Some(form);
        self
    }

    /// Adds partition keys to [`Headers::IETF_DRAFT_11`], so that clients see which of them share a count.
    ///
    /// A partition key is a hash of the client's key, with `secret` as the key of the hash. Pass 16 random bytes, the
    /// same in all processes. With the secret, the hash can be reversed by trying all candidates.
    pub fn partition_keys(mut self, secret: &[u8; 16]) -> Self {
        self.settings.headers.partitions = Some(PartitionSecret::new(secret));
        self
    }

    /// Sets the function that responds to refusals, unless the limit's own has responded. It returns a response, or an
    /// `Option` of one. If it returns `None`, the default response is sent.
    ///
    /// ```
    /// use actix_web::{HttpResponse, dev::ServiceRequest};
    /// use limiter_actix::{Breach, Limiter};
    ///
    /// fn wait(breach: &Breach, req: &ServiceRequest) -> HttpResponse {
    ///     let seconds = breach.retry_after_secs().unwrap_or_default();
    ///     HttpResponse::TooManyRequests().body(format!("{} in {seconds} seconds, please", req.path()))
    /// }
    ///
    /// let limiter = Limiter::builder().default_limits("60/minute").on_breach(wait).build()?;
    /// # let _ = limiter;
    /// # Ok::<(), limiter_actix::BuildError>(())
    /// ```
    pub fn on_breach<F, R>(mut self, respond: F) -> Self
    where
        F: Fn(&Breach, &ServiceRequest) -> R + Send + Sync + 'static,
        R: BreachResponse,
    {
        self.settings.on_breach =
            Some(Callback(Arc::new(move |breach, req| respond(breach, req).into_response())));
        self
    }

    /// Sets the function that responds to refusals by meta limits, as [`on_breach`](Self::on_breach) does to
    /// others.
    pub fn on_meta_breach<F, R>(mut self, respond: F) -> Self
    where
        F: Fn(&Breach, &ServiceRequest) -> R + Send + Sync + 'static,
        R: BreachResponse,
    {
        self.settings.on_meta_breach =
            Some(Callback(Arc::new(move |breach, req| respond(breach, req).into_response())));
        self
    }
}
