use std::{mem, rc::Rc};

use actix_web::{
    HttpResponse,
    dev::{ResponseHead, ServiceRequest},
};
use limiter_core::storage::Decision;
use smallvec::SmallVec;

use super::state::Ticket;
use crate::{
    decision::{
        charge::{Charge, Charges, any_failed},
        decided::Decided,
        query::{Question, note},
    },
    limit::{on_storage_failure::Undecided, rule::RuleIds},
    middleware::witness::Covers,
    plan::{Applicable, Plan, bound_limit::Placed},
    response::refusal::{self},
};

/// How the charges of a request must change, now that it is known which rules it meets.
pub(crate) struct Correction {
    standing: RuleIds,
    plan: Rc<Plan>,
    /// Taken in advance, and rightly so.
    pub(super) kept: Charges,
    /// Taken in advance, and to be given back.
    dropped: Charges,
    /// To be asked for.
    added: Charges,
    meta: Charges,
    /// How many of these are tested before: those of what is added, or all where nothing was decided before.
    guards: usize,
    /// Whether a function could not tell a limit.
    is_broken: bool,
}

impl Correction {
    /// For the rules that have been met when the request is at its handler.
    pub(crate) fn new(ticket: &Ticket, req: &ServiceRequest) -> Self {
        Self::on_the_way(ticket, Covers::Resource, req)
    }

    /// For the rules that have been met so far, the last of them here, and in a scope for those that may follow.
    pub(crate) fn on_the_way(ticket: &Ticket, here: Covers, req: &ServiceRequest) -> Self {
        let mut standing = ticket.met.borrow().clone();
        if here == Covers::Scope {
            // They may still be met, and what was taken for them is not to be taken again.
            standing.extend(ticket.not_met());
        }
        let table = ticket.local.table(req);
        let mut key = table.key_where_met(&standing, here, req);
        key.left_to_others = ticket.still_left_to_others();
        let plan = table.plan(key);
        let applicable = plan.applicable(req);
        let applicable = &*applicable;
        let charges = ticket.charges.take();
        let instead = instead(&plan, applicable, &charges, req);
        let (kept, dropped): (Charges, Charges) = charges.into_iter().partition(|charge| {
            let mut standing = applicable.limits.iter().chain(&instead);
            standing.any(|placed| placed.shares_count_with(&charge.placed))
        });
        let is_new = |placed: &&Rc<_>| !kept.iter().any(|charge| charge.placed.shares_count_with(placed));
        // A limiter further in may have put its own proxies in force.
        ticket.local.config.settings.address.begin(req);
        let added = Charge::of(applicable.limits.iter().filter(is_new), &ticket.client, req);
        let mut meta = Charge::of_breaches(&added);
        let of_added = meta.len();
        let is_unchecked = ticket.is_unchecked.replace(false);
        // Their functions are not asked again when there is nothing that could be refused.
        if is_unchecked || !added.is_empty() {
            meta.extend(ticket.asked.charges(&applicable.meta, &ticket.client, req));
        }
        let guards = if is_unchecked { meta.len() } else { of_added };
        let (client, broken) = (&ticket.client, applicable.is_broken);
        let is_broken = broken || any_failed(&added, client) || any_failed(&meta, client);
        Self { standing, plan, kept, dropped, added, meta, guards, is_broken }
    }

    /// The answer that needs no decision: a function could not tell a limit. Gives back all that was taken.
    pub(crate) fn failure(&mut self, ticket: &Ticket) -> Option<HttpResponse> {
        if !self.is_broken {
            return None;
        }
        self.close(ticket);
        Some(HttpResponse::InternalServerError().finish())
    }

    /// Ends the request undecided: gives back all that was taken.
    fn close(&mut self, ticket: &Ticket) {
        ticket.is_closed.set(true);
        ticket.charges.take();
        let taken = mem::take(&mut self.kept).into_iter().chain(mem::take(&mut self.dropped));
        ticket.refund(taken.collect());
    }

    /// Asks any storage, or what is to decide when it fails.
    pub(crate) async fn ask(&mut self, ticket: &Ticket, req: &ServiceRequest) -> Result<Decision, Undecided> {
        if !ticket.is_answered.get() && self.kept.iter().any(Charge::comes_back_dropped) {
            // The request may be dropped meanwhile.
            ticket.charges.replace(self.kept.clone());
        }
        let outcome = self.question(ticket).decide(&ticket.local.config, req).await;
        let outcome = ticket.noted(outcome)?;
        if let Some(instead) = outcome.instead {
            self.added = instead;
            self.meta.clear();
            self.guards = 0;
        }
        Ok(outcome.decision)
    }

    /// The answer to a request that could not be decided. Gives back all that was taken.
    pub(crate) fn undecided(mut self, why: Undecided, ticket: &Ticket, req: &ServiceRequest) -> HttpResponse {
        self.close(ticket);
        ticket.undecided(why, req)
    }

    pub(crate) fn question<'a>(&'a self, ticket: &'a Ticket) -> Question<'a> {
        Question {
            // Where the middleware has decided before, it has tested them.
            guards: &self.meta[..self.guards],
            limits: &self.added,
            on_refusal: &self.meta,
            client: &ticket.client,
            now: ticket.decided_at,
            plan: Some(&self.plan),
            held: &self.kept,
        }
    }

    /// Lets the request go on with the right charges, or refuses it and gives back all it had taken.
    pub(crate) fn conclude(
        mut self,
        ticket: &Ticket,
        req: &ServiceRequest,
        decision: &Decision,
    ) -> Option<HttpResponse> {
        let decided = Decided {
            decision,
            guards: &self.meta[..self.guards],
            limits: &self.added,
            refunded: &self.kept,
        };
        if let Some(response) = refusal::of(ticket, &decided, req) {
            self.close(ticket);
            return Some(response);
        }
        self.apply(ticket, decision);
        None
    }

    /// Makes all refuse nothing: the request has been answered.
    pub(super) fn refuse_nothing(&mut self) {
        for charge in &mut self.added {
            charge.take_without_refusal();
        }
    }

    /// Takes nothing more: what is due could not be decided.
    pub(super) fn take_nothing(&mut self) {
        self.added.clear();
    }

    /// Makes the charges those that are right.
    pub(super) fn apply(mut self, ticket: &Ticket, decision: &Decision) {
        note(decision, &mut self.added);
        self.put(ticket);
    }

    /// The same after the response, of which the functions of what is added have not been asked.
    pub(super) fn apply_after(mut self, ticket: &Ticket, decision: &Decision, response: &ResponseHead) {
        note(decision, &mut self.added);
        let (not_due, due): (Charges, Charges) =
            mem::take(&mut self.added).into_iter().partition(|charge| charge.is_not_due(response));
        self.added = due;
        self.dropped.extend(not_due);
        self.put(ticket);
    }

    fn put(self, ticket: &Ticket) {
        ticket.settled_for.replace(self.standing);
        ticket.left_to_others.replace(ticket.still_left_to_others());
        ticket.charges.replace(self.kept.into_iter().chain(self.added).collect());
        ticket.open_way_back();
        ticket.refund(self.dropped);
    }
}

/// Of what holds in place of limits while the storage fails, that which the request may have taken from.
fn instead(
    plan: &Plan,
    applicable: &Applicable,
    charges: &[Charge],
    req: &ServiceRequest,
) -> SmallVec<[Rc<Placed>; 2]> {
    // An exempt request has none of these either.
    let may_have = !applicable.limits.is_empty() && charges.iter().any(|charge| !charge.is_kept_by_storage());
    may_have.then(|| plan.instead(req)).flatten().unwrap_or_default()
}
