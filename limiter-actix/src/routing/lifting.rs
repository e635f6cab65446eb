//! The right of rules by pattern to lift limits before requests have arrived.

use std::{cell::Cell, rc::Rc};

use super::{candidate::Candidate, path_rules::union};

/// The right of the rules by pattern that cover a route to lift limits for requests that have not arrived yet.
///
/// Requests do not meet such rules on their way. Guards or middleware may lead them where the rules do not hold.
pub(super) struct Lifting {
    /// The rules by pattern that cover any place of the route.
    rules: Vec<usize>,
    /// `true` if guards lead to places that other rules by pattern cover.
    has_rivals: bool,
    /// `true` once a request has arrived where it was expected.
    is_proven: Rc<Cell<bool>>,
}

impl Lifting {
    /// `rivals` are the places that guards lead to. `is_proven` outlives the route, which may be made anew.
    pub(super) fn new<'c>(
        candidates: &[Candidate],
        mut rivals: impl Iterator<Item = &'c Candidate>,
        is_proven: Rc<Cell<bool>>,
    ) -> Self {
        let covering = candidates.iter().map(|place| &place.covering);
        let rules = covering.fold(Vec::new(), |rules, covering| union(&rules, covering));
        let first = rivals.next().map(|first| &first.covering);
        let has_rivals = rivals.any(|place| Some(&place.covering) != first);
        Self { rules, has_rivals, is_proven }
    }

    /// Returns whether there are such rules.
    pub(super) fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Returns the rules by pattern that cover any place of the route.
    pub(super) fn rules(&self) -> impl Iterator<Item = usize> {
        self.rules.iter().copied()
    }

    /// Returns whether they lift limits for one request at a time only.
    pub(super) fn is_on_credit(&self, may_be_rewritten: bool) -> bool {
        self.has_rivals || self.awaits_proof(may_be_rewritten)
    }

    /// Returns whether that ends once a request has arrived.
    pub(super) fn awaits_proof(&self, may_be_rewritten: bool) -> bool {
        may_be_rewritten && self.has_rules() && !self.has_rivals && !self.is_proven.get()
    }

    /// Notes that a request has arrived where it was expected.
    pub(super) fn prove(&self) {
        self.is_proven.set(true);
    }
}
