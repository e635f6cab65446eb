//! The limits of a request and their windows, for its handler.

use std::sync::Arc;

use limiter_core::{Quota, Window};
use smallvec::SmallVec;

use super::partition_key::PartitionKey;

/// The limits of a request with their windows.
///
/// A handler takes it as an argument. Middleware calls [`of`](Self::of). It is empty if the request has no limits.
///
/// ```
/// use actix_web::{HttpResponse, Responder, get};
/// use limiter_actix::{CurrentLimits, limit};
///
/// #[limit("5/minute")]
/// #[get("/search")]
/// async fn search(limits: CurrentLimits) -> impl Responder {
///     let left = limits.iter().map(|limit| limit.window().remaining()).min();
///     HttpResponse::Ok().body(format!("{left:?} searches left"))
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct CurrentLimits(Vec<CurrentLimit>);

/// One limit of a request.
#[derive(Clone, Debug)]
pub struct CurrentLimit {
    pub(crate) quota: Quota,
    /// The length of the current window.
    pub(crate) window_seconds: u64,
    pub(crate) name: Option<Arc<str>>,
    /// The name in headers.
    pub(crate) policy_name: Arc<str>,
    pub(crate) window: Window,
    pub(crate) outcome: LimitOutcome,
    pub(crate) is_shadow: bool,
    /// The hash of the client's key, if headers show it.
    pub(crate) partition: Option<PartitionKey>,
}

/// The outcome of one limit for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitOutcome {
    Passed,
    Refused,
    /// Refused, with the longest wait of all limits that did.
    RefusedLongest,
}

/// The limits of one request. Four fit without an allocation, more than most requests have.
pub(crate) type Current = SmallVec<[CurrentLimit; 4]>;

impl CurrentLimits {
    pub(crate) fn new(limits: Vec<CurrentLimit>) -> Self {
        Self(limits)
    }

    pub(crate) fn as_slice(&self) -> &[CurrentLimit] {
        &self.0
    }

    /// Returns an iterator over the limits.
    pub fn iter(&self) -> impl Iterator<Item = &CurrentLimit> {
        self.0.iter()
    }

    /// Returns the limit of this name.
    pub fn named(&self, name: &str) -> Option<&CurrentLimit> {
        self.iter().find(|limit| limit.name() == Some(name))
    }
}

impl CurrentLimit {
    /// Returns the name in headers: the limit's name, or else its quota, in printable ASCII.
    pub(crate) fn policy_name(&self) -> &str {
        &self.policy_name
    }

    /// Returns the quota.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Returns the name, if the limit has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the window of the limit right after the decision.
    pub fn window(&self) -> Window {
        self.window
    }
}
