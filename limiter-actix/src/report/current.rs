//! The limits of a request, for its handler.

use std::sync::Arc;

use limiter_core::{Quota, Window};
use smallvec::SmallVec;

use super::partition_key::PartitionKey;

/// The limits of the request at hand, and how each of them stands.
///
/// A handler takes it as an argument; middleware asks [`of`](Self::of). It is empty where nothing is limited.
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

/// One limit of the request at hand.
#[derive(Clone, Debug)]
pub struct CurrentLimit {
    pub(crate) quota: Quota,
    pub(crate) name: Option<Arc<str>>,
    /// The name in headers.
    pub(crate) policy_name: Arc<str>,
    pub(crate) window: Window,
    pub(crate) outcome: LimitOutcome,
    pub(crate) is_shadow: bool,
    /// The client's key, hashed, where headers show it.
    pub(crate) partition: Option<PartitionKey>,
}

/// What a limit had to say to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitOutcome {
    Passed,
    Refused,
    /// It refused, and of those that did has the longest wait.
    RefusedLongest,
}

/// As many as most requests have fit without an allocation.
pub(crate) type Current = SmallVec<[CurrentLimit; 4]>;

impl CurrentLimits {
    pub(crate) fn new(limits: Vec<CurrentLimit>) -> Self {
        Self(limits)
    }

    pub(crate) fn as_slice(&self) -> &[CurrentLimit] {
        &self.0
    }

    /// Goes through the limits.
    pub fn iter(&self) -> impl Iterator<Item = &CurrentLimit> {
        self.0.iter()
    }

    /// The limit of this name.
    pub fn named(&self, name: &str) -> Option<&CurrentLimit> {
        self.iter().find(|limit| limit.name() == Some(name))
    }
}

impl CurrentLimit {
    /// What headers call the limit: its name, or else its quota, in printable ASCII.
    pub(crate) fn policy_name(&self) -> &str {
        &self.policy_name
    }

    /// The quota.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// The name, if the limit was given one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How the limit stood right after the decision.
    pub fn window(&self) -> Window {
        self.window
    }
}
