//! Predicts where a request will arrive, among the places that match its path.

use std::{rc::Rc, sync::Arc};

use actix_web::{dev::ServiceRequest, http::Method};

use super::{
    beacon::RuleSite,
    candidate::{Admits, Candidate},
    path_rules::PathRules,
    route::{Reachable, Route, RulesOfRoutes},
    trust::Credit,
};
use crate::plan::key::{PlanKey, RuleId, RuleIds};

/// The place where a request is expected to arrive, and the rules granted to it in advance.
pub(crate) struct Prediction {
    pub(crate) route: Rc<Route>,
    candidate: usize,
    pub(crate) rules: RuleIds,
    /// The place where limits hold if a guard leads the request past the predicted one.
    elsewhere: Option<Box<Elsewhere>>,
    /// Rules by pattern that cover only routes where requests have arrived instead. Nothing decides them there.
    pub(super) of_rivals: RulesOfRoutes,
    /// `true` if guards may lead the request to a place with rules that the predicted one has not.
    may_meet_other_rules: bool,
    /// `true` if the rules by pattern limit, but lift nothing, since another request is on credit.
    pub(crate) lifts_nothing: bool,
    pub(crate) credit: Credit,
}

/// Another place where a request may arrive.
#[derive(Clone)]
struct Elsewhere {
    candidate: usize,
    /// The rules that it meets in any case.
    rules: RuleIds,
    of_rivals: RulesOfRoutes,
}

impl Prediction {
    fn new(route: &Rc<Route>, candidate: usize, rules: RuleIds, elsewhere: Option<Box<Elsewhere>>) -> Self {
        let (credit, of_rivals) = (Credit::default(), Vec::new());
        let route = Rc::clone(route);
        Self {
            route,
            candidate,
            rules,
            elsewhere,
            of_rivals,
            may_meet_other_rules: false,
            lifts_nothing: false,
            credit,
        }
    }

    /// Predicts where a request arrives that has met some rules so far. The rules still have to be granted.
    pub(super) fn of(route: &Rc<Route>, req: &ServiceRequest, met: &[RuleId]) -> Self {
        let candidates = &route.candidates;
        if route.is_alone && met.is_empty() {
            let candidate = usize::from(candidates[0].admits(req).is_none() && candidates.len() > 1);
            return Self::new(route, candidate, RuleIds::from_slice(&candidates[candidate].rules), None);
        }
        let reachable = route.reachable(req, met);
        let Some(&(first, _)) = reachable.first() else {
            // The request came by another way than its path had it.
            return Self::new(route, candidates.len() - 1, RuleIds::from_slice(met), None);
        };
        let likely = route.likely(&reachable).unwrap_or(first);
        Self::among_rivals(route, likely, &reachable)
    }

    /// Returns the prediction of a [`CertainPlace`](super::certain::CertainPlace), without its rules.
    pub(super) fn certain(route: &Rc<Route>, credit: Credit) -> Self {
        Self { credit, ..Self::new(route, 0, RuleIds::new(), None) }
    }

    /// Returns the prediction that holds for a request which has arrived, at the route of this pattern or at a default
    /// service, and has met these rules on its way.
    pub(super) fn arrival(route: &Rc<Route>, pattern: Option<&str>, met: &[RuleId]) -> Option<Self> {
        let candidate = route.arrived_at(pattern, met)?;
        Some(Self::new(route, candidate, RuleIds::from_slice(met), None))
    }

    fn among_rivals(route: &Rc<Route>, likely: usize, reachable: &Reachable) -> Self {
        let place = &route.candidates[likely];
        let rivals = || {
            let rivals = reachable.iter().map(|(rival, _)| *rival);
            rivals.filter(|rival| route.is_rival(*rival, likely))
        };
        let in_any_case = |rule: &RuleId| rivals().all(|rival| route.candidates[rival].rules.contains(rule));
        let mut shared = place.rules.clone();
        shared.retain(|rule| in_any_case(rule));
        let has_others = |rival: &Candidate| {
            rival.covering != place.covering || rival.rules.iter().any(|rule| !place.rules.contains(rule))
        };
        let may_meet_other_rules = rivals().any(|rival| has_others(&route.candidates[rival]));
        let is_method_of_pattern = reachable.contains(&(likely, Admits::Yes));
        let is_twin = |rival: usize| {
            let rival_place = &route.candidates[rival];
            let is_other_method =
                is_method_of_pattern && rival_place.own.is_none() && rival_place.scopes == place.scopes;
            !is_other_method && rival_place.is_twin_of(place)
        };
        let of_rivals = route.rules_of_reached(reachable, likely);
        if rivals().any(is_twin) {
            return Self { of_rivals, may_meet_other_rules, ..Self::new(route, likely, shared, None) };
        }
        let elsewhere = (shared.len() < place.rules.len()).then(|| {
            let plain = rivals().find(|rival| route.candidates[*rival].own.is_none());
            let candidate = plain.or_else(|| rivals().next()).unwrap_or(likely);
            let of_rivals = route.rules_of_reached(reachable, candidate);
            Box::new(Elsewhere { candidate, rules: shared, of_rivals })
        });
        let rules = place.rules.clone();
        Self { of_rivals, may_meet_other_rules, ..Self::new(route, likely, rules, elsewhere) }
    }

    /// Keeps of the rules those that were met already, and those that can be granted now.
    pub(super) fn grant(&mut self, met: &[RuleId]) {
        let (place, is_only_place) = (&self.route.candidates[self.candidate], self.route.is_alone);
        let mut granted = RuleIds::new();
        for rule in &self.rules {
            let at = place.rules.iter().position(|other| other == rule);
            let mut grant = |at: usize| self.credit.grant(*rule, &place.trust[at], is_only_place);
            if met.contains(rule) || at.is_some_and(&mut grant) {
                granted.push(*rule);
            }
        }
        self.rules = granted;
        let is_granted = |rule: &RuleId| self.rules.contains(rule);
        if let Some(elsewhere) = &mut self.elsewhere {
            elsewhere.rules.retain(|rule| is_granted(rule));
        }
    }

    /// Lets the rules by pattern that cover places of the path lift limits on credit, if that is possible now.
    pub(super) fn lift_on_credit(&mut self, patterns: &PathRules) {
        self.lifts_nothing = !patterns.lift_on_credit(self.route.lifting.rules(), &mut self.credit);
    }

    /// Notes that the request has arrived, at the route of this pattern or at a default service. If it was expected there,
    /// rules by pattern lift limits without credit from now on.
    pub(crate) fn prove(&self, arrived_at: Option<&str>) {
        if self.pattern().map(|pattern| &**pattern) == arrived_at {
            self.route.lifting.prove();
        }
    }

    /// Returns whether rules by pattern cover places of the path.
    pub(crate) fn is_under_rules_by_pattern(&self) -> bool {
        self.route.lifting.has_rules()
    }

    /// Returns the place where the request is expected.
    pub(super) fn place(&self) -> &Candidate {
        &self.route.candidates[self.candidate]
    }

    /// Returns whether no rule by pattern covers the route, or one where the request may arrive instead.
    #[inline]
    pub(super) fn is_under_attributes_only(&self) -> bool {
        !self.route.has_rules_of_routes
    }

    /// Returns the pattern of the route; none for unmatched paths.
    pub(crate) fn pattern(&self) -> Option<&Arc<str>> {
        self.place().pattern.as_ref()
    }

    /// Returns the rules among those granted that a limiter further in decides.
    pub(crate) fn delegated_rules(&self) -> RuleIds {
        let delegated = self.place().delegated.borrow();
        if delegated.is_empty() { RuleIds::new() } else { RuleIds::from_slice(&delegated) }
    }

    /// Returns whether all rules of the place are granted.
    pub(super) fn is_complete(&self) -> bool {
        self.rules.len() == self.place().rules.len()
    }

    /// Returns whether the rules are those of the place where the request arrives, whatever guards decide.
    pub(crate) fn is_final(&self) -> bool {
        self.is_complete() && self.elsewhere.is_none() && !self.may_meet_other_rules
    }

    /// Returns whether a refusal may be undone by a guard: another place may take the request, where not all of the
    /// granted rules hold.
    pub(crate) fn may_end_elsewhere(&self) -> bool {
        self.elsewhere.is_some()
    }

    /// Returns the prediction for the place that may take the request instead.
    pub(crate) fn elsewhere(&self) -> Option<Self> {
        let Elsewhere { candidate, rules, of_rivals } = Elsewhere::clone(self.elsewhere.as_deref()?);
        let (lifts_nothing, credit) = (self.lifts_nothing, self.credit.elsewhere());
        Some(Self { of_rivals, lifts_nothing, credit, ..Self::new(&self.route, candidate, rules, None) })
    }

    /// Leaves the limits of rules of the place to a limiter further in, from now on.
    pub(crate) fn delegate(&self, rules: &[RuleId]) {
        self.place().delegate(rules);
    }

    /// Returns whether the request cannot arrive anywhere else.
    pub(crate) fn is_sure(&self) -> bool {
        let spec = self.place().own.as_deref().map(|beacon| &beacon.site);
        let is_exact = matches!(spec, Some(RuleSite::Resource(spec)) if spec.is_exact());
        self.route.is_alone && is_exact && self.place().scopes.is_empty()
    }

    /// Returns whether a request that has not met these rules cannot have come to the route: its own rule is one of them.
    pub(crate) fn is_before_route(&self, unmet: &[RuleId]) -> bool {
        let own = self.place().own.as_deref().map(|beacon| beacon.rule.id);
        self.route.is_alone && own.is_some_and(|own| unmet.contains(&own))
    }

    /// Returns the key of the plan for these rules, met by this request.
    pub(super) fn plan_key(&self, rules: &[RuleId], method: Method, preflight: bool) -> PlanKey {
        let place = self.place();
        PlanKey {
            pattern: place.pattern.clone(),
            covering: place.covering.clone(),
            in_doubt: Vec::new(),
            lifts_nothing: self.lifts_nothing,
            registered: RuleIds::from_slice(rules),
            delegated_rules: RuleIds::new(),
            method,
            preflight,
        }
    }
}
