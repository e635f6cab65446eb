//! The limits of a request, for its handler.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use limiter_core::{Key, Quota, Window};
use smallvec::SmallVec;

use super::partition_key::Partition;
use crate::{Breach, decision::charge::Charge, request::state::Tickets, settings::Settings};

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
    quota: Quota,
    name: Option<Arc<str>>,
    /// What headers call it.
    policy_name: Arc<str>,
    window: Window,
    pub(crate) outcome: Outcome,
    pub(crate) is_shadow: bool,
    /// The client's key, hashed, where headers show it.
    pub(crate) partition: Option<Partition>,
}

/// What a limit had to say to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Refused,
    /// It refused, and of those that did has the longest wait.
    Breached,
}

/// As many as most requests have fit without an allocation.
pub(crate) type Current = SmallVec<[CurrentLimit; 4]>;

impl CurrentLimits {
    /// The limits of a request, those of the outermost limiter and level first. For a refused request they are
    /// as they stood when it was refused.
    pub fn of(req: &HttpRequest) -> Self {
        let extensions = req.extensions();
        let mut current = Current::new();
        if let Some(tickets) = extensions.get::<Tickets>() {
            tickets.of_limiters.iter().for_each(|ticket| ticket.add_current(&mut current));
        }
        if let Some(breach) = extensions.get::<Breach>() {
            current.extend(breach.limits().iter().cloned());
        }
        Self(current.into_vec())
    }

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
    pub(crate) fn new(
        charge: &Charge,
        client: &Key,
        window: Window,
        outcome: Outcome,
        settings: &Settings,
    ) -> Self {
        let placed = &charge.placed;
        Self {
            quota: placed.policy.quota(),
            name: placed.limit.name.clone(),
            policy_name: placed.policy_name(),
            window,
            outcome,
            is_shadow: placed.limit.shadow,
            partition: settings.headers.partition(charge.key(client)),
        }
    }

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

impl FromRequest for CurrentLimits {
    type Error = Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(req)))
    }
}
