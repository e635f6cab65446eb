//! The limits of a request, for its handler.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use limiter_core::{Quota, Window};

use crate::{charge::Charge, ticket::Tickets};

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
    window: Window,
}

impl CurrentLimits {
    /// The limits of a request, those of the outermost limiter and level first.
    pub fn of(req: &HttpRequest) -> Self {
        let extensions = req.extensions();
        let Some(tickets) = extensions.get::<Tickets>() else { return Self::default() };
        let charges = tickets.of_limiters.iter().map(|ticket| ticket.charges.borrow());
        Self(
            charges
                .flat_map(|charges| charges.iter().filter_map(CurrentLimit::of).collect::<Vec<_>>())
                .collect(),
        )
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
    fn of(charge: &Charge) -> Option<Self> {
        let placed = &charge.placed;
        let window = charge.window?;
        Some(Self { quota: placed.policy.quota(), name: placed.limit.name.clone(), window })
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
