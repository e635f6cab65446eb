//! A limiter as one worker has it.

use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
    sync::{Arc, Once, atomic::Ordering},
};

use actix_web::{HttpResponse, dev::ServiceRequest};
use limiter_core::{
    Timestamp,
    storage::{Decision, MemoryStorage, Storage, StorageError, Verdict},
};
use smallvec::SmallVec;

use crate::{
    charge::{Charge, Charges},
    config::Config,
    plan::Applicable,
    question::{Question, note},
    refusal::{self, Decided},
    rule::RuleId,
    table::{Route, Table},
    ticket::{Ticket, Tickets},
};

/// A limiter as one worker has it: what all share, and the table of its app.
pub(crate) struct Local {
    pub(crate) config: Arc<Config>,
    table: OnceCell<Table>,
}

/// A request for which it is known what must be asked, but not yet the answer.
pub(crate) struct Pending {
    ticket: Ticket,
    /// Meta limits: tested before the others, taken from when those refuse.
    meta: Charges,
}

impl Local {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self { config, table: OnceCell::new() }
    }

    /// The table of the app, read at the first request: before, actix has not finished the map.
    pub(crate) fn table(&self, req: &ServiceRequest) -> &Table {
        self.table.get_or_init(|| Table::new(Arc::clone(&self.config), req))
    }

    /// Works out what applies to a request; none when it passes without a look.
    pub(crate) fn prepare(self: &Rc<Self>, req: &ServiceRequest) -> Option<Pending> {
        let tickets = Tickets::of(req);
        if !self.looks_at(req, &tickets) {
            Tickets::change(req, |tickets| tickets.is_let_pass = true);
            return None;
        }
        for outer in &tickets.of_limiters {
            outer.hand_over(req);
        }
        let table = self.table(req);
        let route = table.route(req);
        let candidate = route.predict(req);
        let (standing, plan) = self.plan(req, &route, candidate, &tickets);
        let by_itself = self.config.settings.auto_check;
        let applicable = if by_itself { plan.applicable(req) } else { Applicable::default() };
        let client = self.config.settings.client(req);
        let charges = Charge::of(&applicable.limits, &client, req);
        let mut meta = Charge::of(&applicable.meta, &client, req);
        meta.extend(Charge::of_breaches(&charges, &client, req));
        let ticket = Ticket {
            local: Rc::clone(self),
            route,
            candidate,
            client,
            decided_at: self.now(),
            settled_for: standing.into(),
            met: tickets.unclaimed.iter().cloned().collect::<SmallVec<_>>().into(),
            charges: charges.into(),
            is_closed: (!by_itself).into(),
            is_unchecked: (!by_itself).into(),
            inner: RefCell::default(),
            breach: RefCell::default(),
        };
        Some(Pending { ticket, meta })
    }

    /// Whether this limiter has anything to do with the request.
    fn looks_at(&self, req: &ServiceRequest, tickets: &Tickets) -> bool {
        if !self.config.enabled.load(Ordering::Relaxed) {
            return false;
        }
        if tickets.of_limiters.iter().any(|ticket| Arc::ptr_eq(&ticket.local.config, &self.config)) {
            warn_of_second_time();
            return false;
        }
        !self.config.settings.filters.iter().any(|passes| passes(req))
    }

    /// The rules that are granted in advance, and the plan that follows. Rules that were met under another
    /// limiter are that one's.
    fn plan(
        &self,
        req: &ServiceRequest,
        route: &Rc<Route>,
        candidate: Option<usize>,
        tickets: &Tickets,
    ) -> (SmallVec<[RuleId; 4]>, Rc<crate::plan::Plan>) {
        let table = self.table(req);
        let prediction = route.prediction(candidate);
        let is_others = |id: &RuleId| {
            tickets.of_limiters.iter().any(|ticket| ticket.met.borrow().iter().any(|rule| rule.id == *id))
        };
        if !prediction.standing().iter().any(is_others) {
            return (prediction.standing().into(), prediction.plan(route, table, req));
        }
        let standing: SmallVec<[RuleId; 4]> =
            prediction.standing().iter().filter(|id| !is_others(id)).copied().collect();
        let plan = table.plan(table.key(route, &standing, req));
        (standing, plan)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.config.settings.clock.now()
    }

    /// What applies where these rules were met.
    pub(crate) fn applicable_where_met(
        &self,
        ticket: &Ticket,
        standing: &[RuleId],
        req: &ServiceRequest,
    ) -> Applicable {
        let table = self.table(req);
        let mut key = table.key(&ticket.route, standing, req);
        // Where the request has come to, which its path alone did not tell.
        if let Some(pattern) = crate::table::pattern_reached(req) {
            key.pattern = Some(pattern);
        }
        table.plan(key).applicable(req)
    }
}

impl Pending {
    /// Asks a storage that answers at once.
    pub(crate) fn ask_memory(&self, memory: &MemoryStorage) -> Decision {
        let charges = self.ticket.charges.borrow();
        self.question(&charges).ask_memory(memory)
    }

    /// Asks any storage; the fallback when it fails.
    pub(crate) async fn ask(&mut self, storage: &dyn Storage) -> Decision {
        let charges = self.ticket.charges.take();
        if charges.is_empty() && self.meta.is_empty() {
            return Decision::new(Verdict::Admitted, [], []);
        }
        let question = self.question(&charges);
        let decision = match question.ask(storage).await {
            Ok(decision) => decision,
            Err(error) => question.ask_memory(self.ticket.local.config.fallback(&error)),
        };
        self.ticket.charges.replace(charges);
        decision
    }

    fn question<'a>(&'a self, limits: &'a [Charge]) -> Question<'a> {
        Question {
            guards: &self.meta,
            limits,
            on_refusal: &self.meta,
            client: &self.ticket.client,
            now: self.ticket.decided_at,
        }
    }

    /// Lets the request go on, with a ticket, or refuses it.
    pub(crate) fn conclude(
        self,
        req: &ServiceRequest,
        decision: &Decision,
    ) -> Result<Rc<Ticket>, Box<HttpResponse>> {
        let Self { ticket, meta } = self;
        let charges = ticket.charges.borrow();
        let decided = Decided { decision, guards: &meta, limits: &charges, given_back: &[] };
        let refused = refusal::of(&ticket, &decided, req);
        drop(charges);
        if let Some(response) = refused {
            return Err(Box::new(response));
        }
        note(decision, &mut ticket.charges.borrow_mut());
        let ticket = Rc::new(ticket);
        Tickets::change(req, |tickets| {
            tickets.unclaimed.clear();
            tickets.add(Rc::clone(&ticket));
        });
        Ok(ticket)
    }
}

impl Config {
    /// The storage that decides while the real one cannot.
    pub(crate) fn fallback(&self, error: &StorageError) -> &MemoryStorage {
        tracing::warn!(code = "L006", %error, "the storage failed; limits are decided in memory");
        self.settings.storage.memory()
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
