//! The report on a refused request.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::HttpResponse;
use limiter_core::{Key, KeyForms, Quota, Window};

use crate::CurrentLimits;

/// The report on a refused request. If several limits refused, it describes the one with the longest wait.
///
/// Outer middleware finds it in the extensions of the request:
/// `res.request().extensions().get::<Breach>()`.
#[derive(Clone, Debug)]
pub struct Breach {
    pub(crate) quota: Quota,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) message: Arc<str>,
    pub(crate) window: Window,
    pub(crate) key: Key,
    pub(crate) key_forms: Arc<KeyForms>,
    pub(crate) route: Option<Arc<str>>,
    pub(crate) is_meta: bool,
    /// The wait of the meta limits that this breach has spent.
    pub(crate) meta_wait: Option<Duration>,
    pub(crate) level: &'static str,
    pub(crate) limits: CurrentLimits,
}

impl Breach {
    /// Returns the quota of the limit that refused.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Returns the name of the limit, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the text for the client: the limit's error message, or its quota. The text is not escaped.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the window of the limit.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Returns the time after which the request would pass, or `None` if it never will.
    ///
    /// This may be longer than the wait of the [`window`](Self::window): the breach may have spent a meta limit, which
    /// then refuses the client too.
    pub fn retry_after(&self) -> Option<Duration> {
        let wait = self.window.retry_after()?;
        Some(self.meta_wait.map_or(wait, |meta_wait| meta_wait.max(wait)))
    }

    /// Returns [`retry_after`](Self::retry_after) in whole seconds, as the header `Retry-After` has it: rounded up, and
    /// at least 1.
    pub fn retry_after_secs(&self) -> Option<u64> {
        self.retry_after().map(whole_seconds)
    }

    /// Returns the key of the refused client. Its `Debug` output contains addresses, but no other values.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Returns the key of the refused client in the form in which logs show it: by
    /// [`log_keys`](crate::LimiterBuilder::log_keys) and [`log_addresses`](crate::LimiterBuilder::log_addresses).
    ///
    /// ```
    /// use actix_web::HttpResponse;
    /// use limiter_actix::{Key, KeyForm, Limiter};
    ///
    /// let limiter = Limiter::builder()
    ///     .key(|_: &actix_web::dev::ServiceRequest| Key::text("user", "alice"))
    ///     .log_keys("user", KeyForm::Full)
    ///     .on_breach(|breach, _| {
    ///         println!("refused: {}", breach.client()); // refused: user alice
    ///         None
    ///     });
    /// # let _ = limiter;
    /// ```
    pub fn client(&self) -> impl fmt::Display {
        self.key.logged(&self.key_forms)
    }

    /// Returns the pattern of the route as predicted before routing, or `None` for an unmatched path.
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// Returns whether a meta limit refused, because the client had breached other limits too often.
    pub fn is_meta(&self) -> bool {
        self.is_meta
    }

    /// Returns the level of the limit: `meta`, `application`, `default`, `scope` or `route`, which limits that code
    /// hits by name have too.
    pub fn level(&self) -> &'static str {
        self.level
    }

    /// Returns all limits of the request with their windows, including limits that did not refuse.
    ///
    /// None of them has charged this request.
    pub fn limits(&self) -> &CurrentLimits {
        &self.limits
    }
}

/// A response of an `on_breach` function: a response, or an `Option` of one. All that is `Into<Option<HttpResponse>>` is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a response to a breach",
    label = "expected a function that returns `HttpResponse` or `Option<HttpResponse>`",
    note = "write `fn respond(breach: &Breach, req: &ServiceRequest) -> HttpResponse`, without `async`: nothing is awaited"
)]
pub trait BreachResponse {
    /// Converts the value into a response. `None` leaves the response to others.
    fn into_response(self) -> Option<HttpResponse>;
}

#[diagnostic::do_not_recommend]
impl<R: Into<Option<HttpResponse>>> BreachResponse for R {
    fn into_response(self) -> Option<HttpResponse> {
        self.into()
    }
}

/// Returns the seconds that a client waits, rounded up. A client with no wait at all would retry at once.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}
