//! What a refused request ran into.

use std::{sync::Arc, time::Duration};

use limiter_core::{Key, Quota, Window};

use crate::CurrentLimits;

/// What a refused request ran into: of the limits that refused, the one with the longest wait.
///
/// A refused response carries it in the extensions of its request:
/// `res.request().extensions().get::<Breach>()`.
#[derive(Clone, Debug)]
pub struct Breach {
    pub(crate) quota: Quota,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) message: Arc<str>,
    pub(crate) window: Window,
    pub(crate) key: Key,
    pub(crate) route: Option<Arc<str>>,
    pub(crate) is_meta: bool,
    pub(crate) limits: CurrentLimits,
}

impl Breach {
    /// The quota of the limit that refused.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// The name of the limit, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What the client reads: the limit's message, or its quota as text. It is not escaped.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How the limit stands.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The wait after which the request would pass; none when it never will.
    pub fn retry_after(&self) -> Option<Duration> {
        self.window.retry_after()
    }

    /// Who was refused. Its `Debug` shows no secrets.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The pattern of the route, as far as it was known before routing; none for an unmatched path.
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// Whether a meta limit refused: the client had breached other limits too often.
    pub fn is_meta(&self) -> bool {
        self.is_meta
    }

    /// All limits of the request, those that did not refuse among them, and how they stand: none of them has
    /// taken anything from this request.
    pub fn limits(&self) -> &CurrentLimits {
        &self.limits
    }
}
