use std::{mem, rc::Rc};

use actix_web::{HttpResponse, dev::ServiceRequest};
use limiter_core::storage::Decision;
use smallvec::SmallVec;

use crate::{
    charge::{Charge, Charges, any_failed},
    question::{Question, note},
    refusal::{self, Decided},
    rule::RuleId,
    ticket::Ticket,
    witness::Covers,
};

/// How the charges of a request must change, now that it is known which rules it meets.
pub(crate) struct Correction {
    standing: SmallVec<[RuleId; 4]>,
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
        let mut standing = ticket.met_ids();
        if here == Covers::Scope {
            // They may still be met, and what was taken for them is not to be taken again.
            standing.extend(ticket.not_met());
        }
        let table = ticket.local.table(req);
        let mut key = table.key_where_met(&standing, here, req);
        key.left_to_others = ticket.still_left_to_others();
        let applicable = table.plan(key).applicable(req);
        let (kept, dropped): (Charges, Charges) = ticket.charges.take().into_iter().partition(|charge| {
            applicable.limits.iter().any(|placed| placed.shares_count_with(&charge.placed))
        });
        let is_new = |placed: &&Rc<_>| !kept.iter().any(|charge| charge.placed.shares_count_with(placed));
        // A limiter further in may have put its own proxies in force.
        ticket.local.config.settings.address.begin(req);
        let added = Charge::of(applicable.limits.iter().filter(is_new), &ticket.client, req);
        let mut meta = Charge::of_breaches(&added);
        let of_added = meta.len();
        meta.extend(Charge::of(&applicable.meta, &ticket.client, req));
        let guards = if ticket.is_unchecked.replace(false) { meta.len() } else { of_added };
        let (client, broken) = (&ticket.client, applicable.is_broken);
        let is_broken = broken || any_failed(&added, client) || any_failed(&meta, client);
        Self { standing, kept, dropped, added, meta, guards, is_broken }
    }

    /// The answer that needs no decision: a function could not tell a limit. Gives back all that was taken.
    pub(crate) fn failure(&mut self, ticket: &Ticket) -> Option<HttpResponse> {
        if !self.is_broken {
            return None;
        }
        ticket.is_closed.set(true);
        let taken = mem::take(&mut self.kept).into_iter().chain(mem::take(&mut self.dropped));
        ticket.give_back(taken.collect());
        Some(HttpResponse::InternalServerError().finish())
    }

    pub(crate) fn question<'a>(&'a self, ticket: &'a Ticket) -> Question<'a> {
        Question {
            // Where the middleware has decided before, it has tested them.
            guards: &self.meta[..self.guards],
            limits: &self.added,
            on_refusal: &self.meta,
            client: &ticket.client,
            now: ticket.decided_at,
        }
    }

    /// Lets the request go on with the right charges, or refuses it and gives back all it had taken.
    pub(crate) fn conclude(
        self,
        ticket: &Ticket,
        req: &ServiceRequest,
        decision: &Decision,
    ) -> Option<HttpResponse> {
        let decided = Decided {
            decision,
            guards: &self.meta[..self.guards],
            limits: &self.added,
            given_back: &self.kept,
        };
        if let Some(response) = refusal::of(ticket, &decided, req) {
            ticket.is_closed.set(true);
            let taken = self.kept.into_iter().chain(self.dropped).collect();
            ticket.give_back(taken);
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

    /// Makes the charges those that are right.
    pub(super) fn apply(mut self, ticket: &Ticket, decision: &Decision) {
        note(decision, &mut self.added);
        ticket.settled_for.replace(self.standing);
        ticket.left_to_others.replace(ticket.still_left_to_others());
        ticket.charges.replace(self.kept.into_iter().chain(self.added).collect());
        ticket.give_back(self.dropped);
    }
}
