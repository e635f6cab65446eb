//! The straight way: a request whose place is certain, under plain limits that are counted in memory.
//!
//! Most requests go this way. It decides by the same rule as an [`Admission`](super::admission::Admission).

use std::{rc::Rc, sync::atomic::Ordering};

use actix_web::dev::ServiceRequest;
use limiter_core::{
    Key, Timestamp,
    storage::{Batch, Decision, Hit, MemoryStorage},
};
use smallvec::SmallVec;

use super::{
    call::Call,
    carrier::{CarriedRequest, Carriers},
    early_drop::OnEarlyDrop,
    passing::PassingRequest,
    refuse::{Refusal, refuse_first},
    stack::RequestLimiters,
    straight_request::{StraightRequest, Windows},
};
use crate::{
    decision::{charge::Charge, context::DecisionContext, decided::DecidedBatch},
    limiter::worker::Worker,
    plan::{Plan, bound_limit::BoundLimit},
    report::decided_by::DecidedBy,
    routing::certain::CertainPlace,
    settings::{Settings, backend::Backend},
};

/// A request whose way is straight, not decided yet.
pub(crate) struct Straight<'a> {
    place: CertainPlace,
    plan: Rc<Plan>,
    memory: &'a MemoryStorage,
}

impl<'a> Straight<'a> {
    /// Finds out whether a request can go the straight way.
    #[inline]
    pub(crate) fn find(worker: &'a Worker, req: &ServiceRequest) -> Option<Self> {
        let config = &worker.config;
        let Backend::Memory(memory) = &config.settings.storage else { return None };
        let is_usual = config.settings.auto_check
            && config.settings.filters.is_empty()
            && config.enabled.load(Ordering::Relaxed)
            && !config.bans.is_in_use()
            && !is_limited(worker, req);
        if !is_usual {
            return None;
        }
        let table = worker.table(req);
        if table.may_be_rewritten() && (table.has_rules_by_pattern() || table.is_rewritten()) {
            return None;
        }
        let (place, plan) = table.certain_place(req)?;
        Some(Self { place, plan, memory })
    }

    /// Returns the request as one without limits, if it is one and need not be kept.
    #[inline]
    pub(crate) fn pass(self, worker: &Rc<Worker>, req: &ServiceRequest) -> Result<PassingRequest, Self> {
        let passes = worker.is_around_app
            && self.plan.plain_limits().is_empty()
            && self.place.is_met_at_once()
            && !Call::is_running()
            && worker.config.settings.top.is_none()
            && worker.config.settings.address.is_default();
        if !passes {
            return Err(self);
        }
        worker.config.settings.address.begin(req);
        Ok(PassingRequest::new(Rc::clone(worker), self.place, self.plan))
    }

    /// Decides the request. Returns `None` if the limits cannot be decided on the straight way.
    pub(crate) fn decide(
        self,
        worker: &Rc<Worker>,
        req: &mut ServiceRequest,
        carriers: &Rc<Carriers>,
    ) -> Option<Result<OnEarlyDrop, Box<Refusal>>> {
        let Self { place, plan, memory } = self;
        let settings = &worker.config.settings;
        let client = settings.client(req);
        // The general way logs it, and responds with 500.
        if client.is_failed() {
            return None;
        }
        let decided_at = worker.now();
        if let Some(top) = &settings.top {
            top.count_request(&client, decided_at);
        }
        let windows = if plan.plain_limits().is_empty() || client.is_unlimited() {
            Windows::new()
        } else {
            let decision = decide(plan.plain_limits(), &client, memory, decided_at, settings);
            if !decision.is_admitted() {
                let refused = RefusedRequest { place: &place, plan: &plan, client: &client, decided_at };
                return Some(Err(refused.refuse(settings, &decision, req)?));
            }
            Windows::from_slice(decision.limits())
        };
        let request = StraightRequest::new(Rc::clone(worker), place, plan, client, decided_at, windows);
        if worker.is_next_to_router {
            return Some(Ok(OnEarlyDrop::carried(CarriedRequest::begin(carriers, req, request))));
        }
        let request = Rc::new(request);
        RequestLimiters::begin_straight(req, &request);
        Some(Ok(OnEarlyDrop::straight(request)))
    }
}

/// Returns whether a request has met limiters or rules before.
#[inline]
fn is_limited(worker: &Worker, req: &ServiceRequest) -> bool {
    if worker.is_around_app { RequestLimiters::is_in_extensions(req) } else { RequestLimiters::is_there(req) }
}

/// Decides plain limits.
#[inline]
fn decide(
    limits: &[Rc<BoundLimit>],
    client: &Key,
    memory: &MemoryStorage,
    now: Timestamp,
    settings: &Settings,
) -> Decision {
    let _timer = settings.telemetry.time_decision(true);
    let mut hits: SmallVec<[Hit<'_>; 4]> = SmallVec::new();
    for limit in limits {
        let hit = Hit::new(&limit.scope, client, &limit.policy);
        hits.push(hit.cost(limit.plain_cost.unwrap_or(1)));
    }
    memory.decide(&Batch::new(&hits), now)
}

/// The facts of a request that is refused.
struct RefusedRequest<'a> {
    place: &'a CertainPlace,
    plan: &'a Plan,
    client: &'a Key,
    decided_at: Timestamp,
}

impl RefusedRequest<'_> {
    fn refuse(&self, settings: &Settings, decision: &Decision, req: &ServiceRequest) -> Option<Box<Refusal>> {
        let charge = |limit| Charge::new(limit, self.client, req);
        let charges: SmallVec<[Charge; 2]> = self.plan.plain_limits().iter().filter_map(charge).collect();
        let context = DecisionContext {
            settings,
            client: self.client,
            now: self.decided_at,
            route: self.place.pattern(),
            decided_by: DecidedBy::Storage,
            meta_wait: None,
            is_by_reservations: false,
            manual: None,
        };
        let batch = DecidedBatch { decision, guards: &[], limits: &charges, refunded: &[] };
        refuse_first(&context, &batch, req)
    }
}
