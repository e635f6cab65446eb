//! A limiter as one worker has it.

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::{Arc, Once, atomic::Ordering},
};

use actix_web::{HttpResponse, dev::ServiceRequest};
use limiter_core::{
    Timestamp,
    storage::{Decision, MemoryStorage},
};

use super::shared::Live;
use crate::{
    decision::{
        callback_cache::Asked,
        charge::{Charge, Charges, any_failed},
        decided::Decided,
        query::{Question, note},
    },
    limit::{
        on_storage_failure::Undecided,
        rule::{RuleId, RuleIds},
    },
    plan::Plan,
    request::state::{Ticket, Tickets},
    response::refusal::{self},
    routing::{
        prediction::Route,
        table::{AppPatterns, Table},
    },
    settings::Config,
};

/// A limiter as one worker has it: what all share, and the table of its app. When other settings are in force,
/// another one takes its place, and requests that began with this one keep it.
pub(crate) struct Local {
    pub(crate) live: Arc<Live>,
    pub(crate) config: Arc<Config>,
    patterns: Rc<AppPatterns>,
    table: OnceCell<Table>,
}

/// A request for which it is known what must be asked, but not yet the answer.
pub(crate) struct Pending {
    ticket: Rc<Ticket>,
    /// Meta limits: tested before the others, taken from when those refuse.
    meta: Charges,
    plan: Rc<Plan>,
    /// Whether a function could not tell a limit.
    is_broken: bool,
}

impl Local {
    pub(crate) fn new(live: Arc<Live>) -> Self {
        let config = live.config();
        Self { live, config, patterns: Rc::default(), table: OnceCell::new() }
    }

    /// The same limiter by the settings that are in force now.
    pub(crate) fn renewed(&self) -> Self {
        Self { patterns: Rc::clone(&self.patterns), ..Self::new(Arc::clone(&self.live)) }
    }

    /// The table of the app, read at the first request: before, actix has not finished the map.
    pub(crate) fn table(&self, req: &ServiceRequest) -> &Table {
        let make = || Table::new(Arc::clone(&self.config), Rc::clone(&self.patterns), req);
        self.table.get_or_init(make)
    }

    /// The table, if a request has come.
    pub(crate) fn table_there_is(&self) -> Option<&Table> {
        self.table.get()
    }

    /// Works out what applies to a request; none when it passes without a look.
    pub(crate) fn prepare(self: &Rc<Self>, req: &ServiceRequest) -> Option<Pending> {
        let tickets = Tickets::of(req);
        if !self.looks_at(req, tickets.as_ref()) {
            Tickets::change(req, |tickets| tickets.is_let_pass = true);
            return None;
        }
        let table = self.table(req);
        let route = table.route(req);
        let candidate = route.predict(req);
        let (standing, plan) = match &tickets {
            None => Self::predicted(table, &route, candidate, req),
            Some(tickets) => Self::plan_within(tickets, table, &route, candidate, req),
        };
        let by_itself = self.config.settings.auto_check;
        // First, since functions that tell limits may ask for the client's address.
        let client = self.config.settings.client(req);
        let applicable = if by_itself { plan.applicable(req) } else { Cow::default() };
        let charges = Charge::of(&applicable.limits, &client, req);
        let asked = Asked::default();
        let mut meta = asked.charges(&applicable.meta, &client, req);
        meta.extend(Charge::of_breaches(&charges));
        let is_broken = applicable.is_broken || any_failed(&charges, &client) || any_failed(&meta, &client);
        drop(applicable);
        let left_to_others = route.prediction(candidate).left_to_others();
        let ticket = Rc::new(Ticket {
            local: Rc::clone(self),
            route,
            candidate,
            client,
            decided_at: self.now(),
            settled_for: standing.into(),
            left_to_others: left_to_others.into(),
            met: tickets.map(|tickets| tickets.unclaimed).unwrap_or_default().into(),
            charges: charges.into(),
            asked,
            is_closed: (!by_itself).into(),
            is_unchecked: (!by_itself).into(),
            inner: RefCell::default(),
            breach: RefCell::default(),
            decided_by: Cell::default(),
            is_told: Cell::default(),
            is_answered: Cell::default(),
            way_back: OnceCell::new(),
        });
        Some(Pending { ticket, meta, plan, is_broken })
    }

    /// Whether this limiter has anything to do with the request.
    fn looks_at(&self, req: &ServiceRequest, tickets: Option<&Tickets>) -> bool {
        if !self.config.enabled.load(Ordering::Relaxed) {
            return false;
        }
        let is_ours = |ticket: &Rc<Ticket>| Arc::ptr_eq(&ticket.local.live, &self.live);
        if tickets.is_some_and(|tickets| tickets.of_limiters.iter().any(is_ours)) {
            warn_of_second_time();
            return false;
        }
        !self.config.settings.is_let_pass(req)
    }

    /// The rules that are granted in advance, and the plan that follows.
    fn predicted(
        table: &Table,
        route: &Route,
        candidate: Option<usize>,
        req: &ServiceRequest,
    ) -> (RuleIds, Rc<Plan>) {
        let prediction = route.prediction(candidate);
        (RuleIds::from_slice(prediction.standing()), prediction.plan(route, table, req))
    }

    /// The same, and the rules that have been met before, for a request that has come through other limiters or
    /// has met rules. Those it met under another limiter are that one's.
    #[cold]
    fn plan_within(
        tickets: &Tickets,
        table: &Table,
        route: &Route,
        candidate: Option<usize>,
        req: &ServiceRequest,
    ) -> (RuleIds, Rc<Plan>) {
        for outer in &tickets.of_limiters {
            outer.hand_over(req);
        }
        let prediction = route.prediction(candidate);
        let predicted = prediction.standing();
        let is_others =
            |id: &RuleId| tickets.of_limiters.iter().any(|ticket| ticket.met.borrow().contains(id));
        let met = || tickets.unclaimed.iter().copied().filter(|id| !predicted.contains(id));
        if !predicted.iter().any(is_others) && met().next().is_none() {
            return Self::predicted(table, route, candidate, req);
        }
        let granted = predicted.iter().copied().filter(|id| !is_others(id));
        let standing: RuleIds = met().chain(granted).collect();
        let mut key = table.key(route, &standing, req);
        key.left_to_others = prediction.left_to_others();
        (standing, table.plan(key))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.config.settings.clock.now()
    }
}

impl Pending {
    /// The answer that needs no decision: a function could not tell a limit.
    pub(crate) fn failure(&self) -> Option<HttpResponse> {
        self.is_broken.then(|| HttpResponse::InternalServerError().finish())
    }

    /// Asks a storage that answers at once.
    pub(crate) fn ask_memory(&self, memory: &MemoryStorage) -> Decision {
        let charges = self.ticket.charges.borrow();
        let _timed = self.ticket.local.config.settings.telling.time_decision(&charges);
        self.question(&charges).ask_memory(memory)
    }

    /// Asks any storage, or what is to decide when it fails.
    pub(crate) async fn ask(&mut self, req: &ServiceRequest) -> Result<Decision, Undecided> {
        let charges = self.ticket.charges.take();
        let outcome = self.question(&charges).decide(&self.ticket.local.config, req).await;
        let outcome = self.ticket.noted(outcome)?;
        if outcome.instead.is_some() {
            self.meta.clear();
        }
        self.ticket.charges.replace(outcome.instead.unwrap_or(charges));
        Ok(outcome.decision)
    }

    /// The answer to a request that could not be decided.
    pub(crate) fn undecided(&self, why: Undecided, req: &ServiceRequest) -> HttpResponse {
        self.ticket.undecided(why, req)
    }

    fn question<'a>(&'a self, limits: &'a [Charge]) -> Question<'a> {
        Question {
            guards: &self.meta,
            limits,
            on_refusal: &self.meta,
            client: &self.ticket.client,
            now: self.ticket.decided_at,
            plan: Some(&self.plan),
            held: &[],
        }
    }

    /// Lets the request go on, with a ticket, or refuses it.
    pub(crate) fn conclude(
        self,
        req: &ServiceRequest,
        decision: &Decision,
    ) -> Result<Rc<Ticket>, Box<HttpResponse>> {
        let Self { ticket, meta, .. } = self;
        if !decision.is_admitted() {
            let charges = ticket.charges.borrow();
            let decided = Decided { decision, guards: &meta, limits: &charges, refunded: &[] };
            if let Some(response) = refusal::of(&ticket, &decided, req) {
                drop(charges);
                return Err(Box::new(response));
            }
        }
        note(decision, &mut ticket.charges.borrow_mut());
        ticket.open_way_back();
        Tickets::leave(req, &ticket);
        Ok(ticket)
    }
}

fn warn_of_second_time() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            code = "L007",
            "the same limiter stands twice around a request: the first decides, the second passes; wrap \
             the app or the scope, not both"
        );
    });
}
