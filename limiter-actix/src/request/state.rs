//! What a limiter knows of a request that is on its way.

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_core::{Key, Timestamp};
use smallvec::SmallVec;

use super::refund::WayBack;
use crate::{
    Breach, CurrentLimit,
    decision::{callback_cache::Asked, charge::Charges, query::Outcome},
    limit::{
        on_storage_failure::{DecidedBy, Undecided},
        rule::{RuleId, RuleIds},
    },
    limiter::worker::Local,
    report::current::{Current, Outcome as Came},
    routing::prediction::{Prediction, Route},
};

/// What a limiter knows of a request that is on its way: what it has taken for it, and which rules it has met.
///
/// It lies in the extensions of the request, where the witnesses find it.
pub(crate) struct Ticket {
    pub(crate) local: Rc<Local>,
    pub(crate) route: Rc<Route>,
    /// Which of the route's candidates was predicted.
    pub(crate) candidate: Option<usize>,
    /// Of the client, by the limiter's own key.
    pub(crate) client: Key,
    pub(crate) decided_at: Timestamp,
    /// The rules that `charges` follow from: those granted in advance, or those met where that was wrong.
    pub(crate) settled_for: RefCell<RuleIds>,
    /// Rules among them that a limiter further in decides, if the request comes to it.
    pub(crate) left_to_others: RefCell<RuleIds>,
    /// The rules that were met, from the outermost on.
    pub(crate) met: RefCell<RuleIds>,
    pub(crate) charges: RefCell<Charges>,
    /// What functions told of meta limits.
    pub(crate) asked: Asked,
    /// Whether nothing is left to be put right: a limiter further in has taken over, or the request is refused.
    pub(crate) is_closed: Cell<bool>,
    /// Whether the handler still has to ask for the decision.
    pub(crate) is_unchecked: Cell<bool>,
    /// Those of limiters further in.
    pub(crate) inner: RefCell<Vec<Rc<Self>>>,
    /// What the request ran into after this limiter had admitted it.
    pub(crate) breach: RefCell<Option<Box<Breach>>>,
    /// Who has decided so far.
    pub(crate) decided_by: Cell<DecidedBy>,
    /// Whether the log and the metrics have been told how it came out.
    pub(crate) is_told: Cell<bool>,
    /// Whether there was an answer, or an error that is one.
    pub(crate) is_answered: Cell<bool>,
    /// To a storage on another machine, for limits whose cost comes back when the request is dropped.
    pub(crate) way_back: OnceCell<WayBack>,
}

impl Ticket {
    /// Notes who has decided.
    pub(crate) fn noted(&self, outcome: Result<Outcome, Undecided>) -> Result<Outcome, Undecided> {
        let by = outcome.as_ref().map_or(DecidedBy::Nobody, |outcome| outcome.by);
        self.decided_by.set(self.decided_by.get().max(by));
        outcome
    }

    /// How its limits stand.
    pub(crate) fn add_current(&self, current: &mut Current) {
        let settings = &self.local.config.settings;
        current.extend(self.charges.borrow().iter().filter_map(|charge| {
            Some(CurrentLimit::new(charge, &self.client, charge.window?, Came::Passed, settings))
        }));
    }

    /// Notes that a rule was met; tells whether the charges are right for all that were met so far.
    pub(crate) fn meet(&self, rule: RuleId) -> bool {
        let mut met = self.met.borrow_mut();
        met.push(rule);
        let (settled_for, left) = (self.settled_for.borrow(), self.left_to_others.borrow());
        met.iter().all(|rule| settled_for.contains(rule) && !left.contains(rule))
    }

    /// Whether all rules that were granted in advance have been met.
    pub(crate) fn has_met_all(&self) -> bool {
        let met = self.met.borrow();
        self.settled_for.borrow().iter().all(|rule| met.contains(rule))
    }

    /// The rules that were granted in advance and have not been met.
    pub(crate) fn not_met(&self) -> RuleIds {
        without(&self.settled_for.borrow(), &self.met.borrow())
    }

    /// The rules that a limiter further in may decide: none of them was met before it.
    pub(crate) fn still_left_to_others(&self) -> RuleIds {
        without(&self.left_to_others.borrow(), &self.met.borrow())
    }

    pub(crate) fn prediction(&self) -> &Prediction {
        self.route.prediction(self.candidate)
    }
}

/// The rules that are not among the others.
fn without(rules: &[RuleId], others: &[RuleId]) -> RuleIds {
    rules.iter().filter(|rule| !others.contains(rule)).copied().collect()
}

/// What the limiters and witnesses of a request leave for each other in its extensions.
#[derive(Clone, Default)]
pub(crate) struct Tickets {
    /// The outermost limiter's first.
    pub(crate) of_limiters: SmallVec<[Rc<Ticket>; 2]>,
    /// Rules that were met before any limiter.
    pub(crate) unclaimed: RuleIds,
    /// Whether a limiter lets this request pass without a look.
    pub(crate) is_let_pass: bool,
}

impl Tickets {
    /// Adds the ticket of a limiter inside all that are here.
    fn add(&mut self, ticket: Rc<Ticket>) {
        self.unclaimed.clear();
        for outer in &self.of_limiters {
            outer.inner.borrow_mut().push(Rc::clone(&ticket));
        }
        self.of_limiters.push(ticket);
    }

    /// Those that lie in the extensions of a request, if anything was left there: most come without.
    pub(crate) fn of(req: &ServiceRequest) -> Option<Self> {
        req.extensions().get::<Self>().cloned()
    }

    /// Leaves the ticket of a limiter.
    pub(crate) fn leave(req: &ServiceRequest, ticket: &Rc<Ticket>) {
        Self::change(req, |tickets| tickets.add(Rc::clone(ticket)));
    }

    /// Changes what lies in the extensions, and puts it there first if need be.
    pub(crate) fn change(req: &ServiceRequest, change: impl FnOnce(&mut Self)) {
        let mut extensions = req.extensions_mut();
        if let Some(tickets) = extensions.get_mut::<Self>() {
            return change(tickets);
        }
        let mut tickets = Self::default();
        change(&mut tickets);
        extensions.insert(tickets);
    }
}
