//! The places that requests of one path may reach.

use std::{cell::Cell, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use smallvec::SmallVec;

use super::{
    candidate::{Admits, Candidate},
    lifting::Lifting,
};
use crate::plan::key::RuleId;

/// The places that requests of one path may reach, in the order in which actix tries them.
pub(crate) struct Route {
    pub(super) candidates: Vec<Candidate>,
    /// `true` if a guard can lead only to the first place, or to a default service around it.
    pub(super) is_alone: bool,
    /// `true` if rules by pattern cover only some of the places.
    pub(super) has_rules_of_routes: bool,
    /// `true` if the first place is a route, and requests that it would take arrive at no other.
    is_certain: bool,
    /// The places where requests have arrived although others were predicted, as bits.
    reached: Rc<Cell<u32>>,
    pub(super) lifting: Lifting,
}

/// The candidates of one request, by their numbers.
pub(super) type Reachable = SmallVec<[(usize, Admits); 8]>;

/// Rules given by pattern, with the routes that they cover.
pub(super) type RulesOfRoutes = Vec<(usize, Arc<str>)>;

/// The number of rules that fit into the bits of a [`CertainPlace`](super::certain::CertainPlace).
const MAX_CERTAIN_RULES: usize = 31;

impl Route {
    /// Returns whether both lead to the same places, under the same rules by pattern.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let place = |place: &Candidate| (place.pattern.clone(), place.scopes.clone(), place.covering.clone());
        self.candidates.len() == other.candidates.len()
            && self.candidates.iter().zip(&other.candidates).all(|(one, other)| place(one) == place(other))
    }

    /// `reached` and `is_proven` outlive the route, which may be made anew.
    pub(super) fn new(candidates: Vec<Candidate>, reached: Rc<Cell<u32>>, is_proven: Rc<Cell<bool>>) -> Self {
        let is_around = |place: &Candidate| {
            place.pattern.is_none()
                && candidates.first().is_some_and(|first| first.scopes.starts_with(&place.scopes))
        };
        let is_alone = candidates.iter().skip(1).all(is_around);
        let has_rules_of_routes = candidates.iter().any(|place| !place.of_route.is_empty());
        let is_route = |place: &Candidate| place.pattern.is_some() && place.rules.len() <= MAX_CERTAIN_RULES;
        let is_certain = is_alone && !has_rules_of_routes && candidates.first().is_some_and(is_route);
        let rivals = candidates.iter().filter(|place| !is_around(place));
        let lifting = Lifting::new(&candidates, rivals, is_proven);
        Self { candidates, is_alone, has_rules_of_routes, is_certain, reached, lifting }
    }

    /// Returns whether each scope and resource that may take the request takes a part of its path. Then one with its whole
    /// path left is at the default service of the app.
    pub(crate) fn takes_text(&self) -> bool {
        let is_empty = |place: &Candidate| match place.scopes.first() {
            Some(scope) => scope.prefix.is_empty(),
            None => place.pattern.as_deref() == Some(""),
        };
        !self.candidates.iter().any(is_empty)
    }

    /// Returns the first place, if the request can arrive at no other, and no limiter further in decides its rules.
    #[inline]
    pub(super) fn certain_place(&self, req: &ServiceRequest) -> Option<&Candidate> {
        let first = self.candidates.first().filter(|_| self.is_certain)?;
        (first.delegated.borrow().is_empty() && first.admits(req).is_some()).then_some(first)
    }

    pub(super) fn first(&self) -> &Candidate {
        &self.candidates[0]
    }

    /// Notes that a request has arrived at the route of this pattern, although another one was predicted.
    pub(super) fn note_arrival(&self, pattern: &str) {
        let is_there = |(_, place): &(usize, &Candidate)| place.pattern.as_deref() == Some(pattern);
        let there = self.candidates.iter().enumerate().filter(is_there);
        let bits = there.fold(self.reached.get(), |bits, (number, _)| bits | bit(number));
        self.reached.set(bits);
    }

    /// Returns the place of a request which has arrived, at the route of this pattern or at a default service, and has met
    /// these rules on its way.
    pub(super) fn arrived_at(&self, pattern: Option<&str>, met: &[RuleId]) -> Option<usize> {
        let is_there = |place: &&Candidate| {
            place.pattern.as_deref() == pattern && met.iter().all(|rule| place.rules.contains(rule))
        };
        self.candidates.iter().position(|place| is_there(&place))
    }

    /// Returns the rules by pattern that cover only routes of other patterns where such requests have arrived.
    pub(super) fn rules_of_reached(&self, reachable: &Reachable, predicted: usize) -> RulesOfRoutes {
        let predicted = &self.candidates[predicted];
        let is_reached = |rival: &usize| self.reached.get() & bit(*rival) != 0;
        let rivals = reachable.iter().map(|(rival, _)| rival).filter(|rival| is_reached(rival));
        let rivals = rivals.map(|rival| &self.candidates[*rival]);
        let mut others = RulesOfRoutes::new();
        for rule in
            rivals.filter(|rival| rival.pattern != predicted.pattern).flat_map(Candidate::rules_of_route)
        {
            if let Err(at) = others.binary_search(&rule) {
                others.insert(at, rule);
            }
        }
        others
    }

    /// Returns the places that the request may arrive at, of those inside of all that it has met.
    pub(super) fn reachable(&self, req: &ServiceRequest, met: &[RuleId]) -> Reachable {
        let mut reachable = Reachable::new();
        // What follows in this scope is not reached, since a place before it takes the request.
        let mut taken: Option<Option<usize>> = None;
        for (number, candidate) in self.candidates.iter().enumerate() {
            let is_passed = taken.is_some_and(|scope| candidate.is_inside(scope));
            if is_passed || !met.iter().all(|rule| candidate.rules.contains(rule)) {
                continue;
            }
            let Some(admits) = candidate.admits(req) else { continue };
            reachable.push((number, admits));
            if admits == Admits::Yes {
                taken = Some(candidate.innermost());
            }
        }
        reachable
    }

    /// Returns the place that surely takes the request if it comes there, where only other methods of its pattern
    /// come before.
    pub(super) fn likely(&self, reachable: &Reachable) -> Option<usize> {
        let at = reachable.iter().position(|(_, admits)| *admits == Admits::Yes)?;
        let (sure, _) = reachable[at];
        let place = &self.candidates[sure];
        let is_other_method = |(earlier, _): &(usize, Admits)| {
            let earlier = &self.candidates[*earlier];
            earlier.own.is_none() && earlier.pattern == place.pattern && earlier.scopes == place.scopes
        };
        reachable[..at].iter().all(is_other_method).then_some(sure)
    }

    /// Returns whether a guard may lead a request there instead. The default services around a place do not count:
    /// they are reached only by what nothing takes.
    pub(super) fn is_rival(&self, rival: usize, of: usize) -> bool {
        let (rival_place, place) = (&self.candidates[rival], &self.candidates[of]);
        let is_default_around =
            rival_place.pattern.is_none() && place.scopes.starts_with(&rival_place.scopes);
        rival != of && !is_default_around
    }
}

/// Returns the bit of a candidate.
fn bit(candidate: usize) -> u32 {
    u32::try_from(candidate).ok().and_then(|candidate| 1_u32.checked_shl(candidate)).unwrap_or(0)
}
