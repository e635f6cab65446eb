//! The state of an admitted request.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use super::{phase::Phase, predicted::PredictedRequest, rule_ledger::RuleLedger};
use crate::{
    Breach,
    decision::{
        charge::Charges,
        context::DecisionContext,
        hold::{Holds, take_holds},
        refund::RefundChannel,
        usage::Usage,
    },
    limiter::shared::Shared,
    plan::key::{RuleId, RuleIds},
    report::{
        current::{Current, LimitOutcome},
        decided_by::DecidedBy,
    },
    routing::registered::Position,
};

/// An admitted request, as one limiter tracks it: its charges, its rules, and how far it has come.
///
/// It lies in the extensions of the request, where the witnesses find it. It owns all of its parts.
pub(crate) struct RequestState {
    pub(super) predicted: PredictedRequest,
    pub(super) phase: Cell<Phase>,
    pub(super) rules: RefCell<RuleLedger>,
    pub(super) charges: RefCell<Charges>,
    /// Charges that were refused where the request may not arrive, to be decided where it does.
    pub(super) set_aside: RefCell<Charges>,
    /// The decider so far.
    pub(super) decided_by: Cell<DecidedBy>,
    /// The states of limiters further in.
    pub(super) inner: RefCell<Vec<Rc<Self>>>,
    /// The breach that the request ran into after its admission.
    pub(super) breach: RefCell<Option<Box<Breach>>>,
    /// The usage of the request, if a limit is metered.
    pub(super) usage: RefCell<Option<Usage>>,
    /// Leads to a remote storage, if a limit has `refund_on_drop`.
    pub(super) refund_channel: RefCell<Option<RefundChannel>>,
}

impl RequestState {
    pub(super) fn new(predicted: PredictedRequest, phase: Phase, rules: RuleLedger) -> Self {
        Self {
            predicted,
            phase: phase.into(),
            rules: rules.into(),
            charges: RefCell::default(),
            set_aside: RefCell::default(),
            decided_by: Cell::default(),
            inner: RefCell::default(),
            breach: RefCell::default(),
            usage: RefCell::default(),
            refund_channel: RefCell::default(),
        }
    }

    pub(super) fn is_in(&self, phase: Phase) -> bool {
        self.phase.get() == phase
    }

    /// Returns whether the state is of this limiter.
    pub(super) fn is_of(&self, limiter: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.predicted.worker.shared, limiter)
    }

    pub(super) fn limiter(&self) -> &Arc<Shared> {
        &self.predicted.worker.shared
    }

    /// Returns the rules that the request has met, under whatever limiter, from the outermost on.
    pub(super) fn met_rules(&self) -> RuleIds {
        self.rules.borrow().met_anywhere()
    }

    /// Returns whether a witness may correct the charges.
    pub(crate) fn is_correctable(&self) -> bool {
        matches!(self.phase.get(), Phase::Admitted | Phase::TakenOver)
    }

    pub(super) fn record_decider(&self, by: DecidedBy) {
        self.decided_by.set(self.decided_by.get().max(by));
    }

    pub(super) fn context(&self) -> DecisionContext<'_> {
        self.predicted.context(self.decided_by.get())
    }

    /// Adds the limits of the request, as they stand.
    pub(crate) fn add_current(&self, current: &mut Current) {
        let (client, settings) = (&self.predicted.client, self.predicted.settings());
        current.extend(self.charges.borrow().iter().filter_map(|charge| {
            Some(charge.report(client, charge.window?, LimitOutcome::Passed, settings))
        }));
    }

    /// Returns what the request holds of limits of concurrent requests.
    pub(super) fn take_holds(&self) -> Holds {
        take_holds(&self.charges.borrow())
    }

    /// Records that the service has been called, so that other requests may come before this one goes on. A limiter further
    /// in that awaits a decision lends the credit to them, so that is not late.
    pub(super) fn note_call(&self) {
        let mut rules = self.rules.borrow_mut();
        rules.is_late |= !rules.credit.is_suspended();
    }

    /// Records that the request has met a rule. Returns whether the charges cover all rules met so far.
    pub(crate) fn note_rule(&self, rule: RuleId, position: Position) -> bool {
        let mut rules = self.rules.borrow_mut();
        if matches!(self.phase.get(), Phase::TakenOver | Phase::Final) || rules.leaves_all() {
            rules.leave(rule);
        }
        rules.add(rule, position)
    }
}
