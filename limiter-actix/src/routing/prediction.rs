//! Predicts where a request will arrive, among the places that match its path.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use actix_web::{dev::ServiceRequest, http::Method};
use smallvec::SmallVec;

use super::{
    beacon::{Beacon, RuleSite},
    certain,
    trust::{Credit, Trust, TrustTable},
};
use crate::plan::{
    Plan,
    key::{PlanKey, RuleId, RuleIds},
};

/// The places that requests of one path may reach, in the order in which actix tries them.
pub(crate) struct Route {
    candidates: Vec<Candidate>,
    /// `true` if a guard can lead only to the first place, or to a default service around it.
    is_alone: bool,
    /// `true` if rules by pattern cover only some of the places.
    has_rules_of_routes: bool,
    /// `true` if the first place is a route, and requests that it would take arrive at no other.
    is_certain: bool,
    /// The places where requests have arrived although others were predicted, as bits.
    reached: Rc<Cell<u32>>,
}

/// A place that a path may lead to.
pub(crate) struct Candidate {
    /// The pattern of its route; none for a default service.
    pub(super) pattern: Option<Arc<str>>,
    /// The scopes around it, the outermost first.
    pub(super) scopes: Vec<ScopeAround>,
    /// The rules declared on these scopes and on itself, from the outermost on.
    pub(super) rules: RuleIds,
    /// The trust in each of these.
    pub(super) trust: Vec<Rc<Trust>>,
    /// The rule on itself.
    pub(super) own: Option<Rc<Beacon>>,
    /// The rules given by pattern that cover it, as indices.
    pub(super) covering: Vec<usize>,
    /// Those of them that cover only its route.
    pub(super) of_route: Vec<usize>,
    /// The rules that a limiter further in decides.
    pub(super) delegated: RefCell<RuleIds>,
    /// The plans of requests to which all rules are granted.
    plans: RefCell<Vec<CachedPlan>>,
}

/// A scope around a place.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ScopeAround {
    pub(super) number: usize,
    pub(super) prefix: Arc<str>,
}

/// The plan for requests of this method, and for CORS preflights if `true`.
type CachedPlan = (Method, bool, Rc<Plan>);

/// Where a request is expected to arrive, and which rules are granted to it in advance.
pub(crate) struct Prediction {
    pub(crate) route: Rc<Route>,
    candidate: usize,
    pub(crate) rules: RuleIds,
    /// The place where limits hold if a guard leads the request past the predicted one.
    elsewhere: Option<Box<Elsewhere>>,
    /// Rules by pattern that cover only routes where requests have arrived instead. Nothing decides them there.
    pub(super) of_rivals: RulesOfRoutes,
    pub(crate) credit: Credit,
}

/// Where else a request may arrive.
#[derive(Clone)]
struct Elsewhere {
    candidate: usize,
    /// The rules that it meets in any case.
    rules: RuleIds,
    of_rivals: RulesOfRoutes,
}

/// Rules given by pattern, with the routes that they cover.
type RulesOfRoutes = Vec<(usize, Arc<str>)>;

/// Whether a request will be taken by a place if it comes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admits {
    Yes,
    /// Guards decide that are not known here.
    Perhaps,
}

/// The candidates of one request, by their numbers.
type Reachable = SmallVec<[(usize, Admits); 8]>;

impl Candidate {
    pub(super) fn new(
        pattern: Option<Arc<str>>,
        scopes: Vec<ScopeAround>,
        rules: RuleIds,
        trust: &TrustTable,
        own: Option<Rc<Beacon>>,
        covering: Vec<usize>,
        of_route: Vec<usize>,
    ) -> Self {
        let trust = rules.iter().map(|rule| trust.of(*rule)).collect();
        let (delegated, plans) = (RefCell::default(), RefCell::default());
        Self { pattern, scopes, rules, trust, own, covering, of_route, delegated, plans }
    }

    fn innermost(&self) -> Option<usize> {
        self.scopes.last().map(|scope| scope.number)
    }

    fn is_inside(&self, scope: Option<usize>) -> bool {
        scope.is_none_or(|scope| self.scopes.iter().any(|around| around.number == scope))
    }

    /// Returns whether it would take the request; none if it surely would not.
    fn admits(&self, req: &ServiceRequest) -> Option<Admits> {
        match self.own.as_deref().map(|beacon| &beacon.site) {
            Some(RuleSite::Resource(spec)) if spec.is_exact() => spec.admits(req).then_some(Admits::Yes),
            _ => Some(Admits::Perhaps),
        }
    }

    /// Returns whether only guards distinguish this place from the other: it has the same pattern, or one of its scopes has
    /// the prefix of another scope there.
    fn is_twin_of(&self, other: &Self) -> bool {
        let same_pattern = self.pattern.is_some() && self.pattern == other.pattern;
        let is_twin = |scope: &ScopeAround| {
            let here = |around: &ScopeAround| around.number == scope.number;
            let alike = |around: &ScopeAround| around.prefix == scope.prefix && around.number != scope.number;
            !self.scopes.iter().any(here) && self.scopes.iter().any(alike)
        };
        same_pattern || other.scopes.iter().any(is_twin)
    }

    /// Returns the rules by pattern that cover only its route.
    pub(super) fn rules_of_route(&self) -> impl Iterator<Item = (usize, Arc<str>)> {
        let route = |rule: &usize| Some((*rule, Arc::clone(self.pattern.as_ref()?)));
        self.of_route.iter().filter_map(route)
    }

    /// Returns the plan of such requests, if one was made.
    pub(super) fn cached_plan(&self, method: &Method, preflight: bool) -> Option<Rc<Plan>> {
        let is_it = |(of, at, _): &&CachedPlan| of == method && *at == preflight;
        self.plans.borrow().iter().find(is_it).map(|(_, _, plan)| Rc::clone(plan))
    }

    pub(super) fn cache_plan(&self, method: Method, preflight: bool, plan: &Rc<Plan>) {
        // Methods that nothing in the app has are one, so there are few.
        self.plans.borrow_mut().push((method, preflight, Rc::clone(plan)));
    }

    /// Leaves the limits of rules to a limiter further in, from now on.
    pub(super) fn delegate(&self, rules: &[RuleId]) {
        self.plans.borrow_mut().clear();
        let mut delegated = self.delegated.borrow_mut();
        for rule in rules {
            if let Err(at) = delegated.binary_search(rule) {
                delegated.insert(at, *rule);
            }
        }
    }

    /// Takes back what was left to a limiter further in, which requests do not come to.
    pub(super) fn reclaim(&self, rules: &[RuleId]) {
        self.plans.borrow_mut().clear();
        self.delegated.borrow_mut().retain(|rule| !rules.contains(rule));
    }
}

impl Route {
    /// Returns whether both lead to the same places, under the same rules by pattern.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let place = |place: &Candidate| (place.pattern.clone(), place.scopes.clone(), place.covering.clone());
        self.candidates.len() == other.candidates.len()
            && self.candidates.iter().zip(&other.candidates).all(|(one, other)| place(one) == place(other))
    }

    /// `reached` outlives the route, which may be made anew.
    pub(super) fn new(candidates: Vec<Candidate>, reached: Rc<Cell<u32>>) -> Self {
        let is_around = |place: &Candidate| {
            place.pattern.is_none()
                && candidates.first().is_some_and(|first| first.scopes.starts_with(&place.scopes))
        };
        let is_alone = candidates.iter().skip(1).all(is_around);
        let has_rules_of_routes = candidates.iter().any(|place| !place.of_route.is_empty());
        let is_route = |place: &Candidate| place.pattern.is_some() && place.rules.len() <= certain::MAX_RULES;
        let is_certain = is_alone && !has_rules_of_routes && candidates.first().is_some_and(is_route);
        Self { candidates, is_alone, has_rules_of_routes, is_certain, reached }
    }

    /// Predicts where a request arrives that has met some rules so far. The rules still have to be granted.
    pub(super) fn predict(self: &Rc<Self>, req: &ServiceRequest, met: &[RuleId]) -> Prediction {
        if self.is_alone && met.is_empty() {
            let first = &self.candidates[0];
            let candidate = usize::from(first.admits(req).is_none() && self.candidates.len() > 1);
            return self.prediction(candidate, RuleIds::from_slice(&self.candidates[candidate].rules), None);
        }
        let reachable = self.reachable(req, met);
        let Some(&(first, _)) = reachable.first() else {
            // The request came by another way than its path had it.
            return self.prediction(self.candidates.len() - 1, RuleIds::from_slice(met), None);
        };
        let likely = self.likely(&reachable).unwrap_or(first);
        self.among_rivals(likely, &reachable)
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

    /// Returns the prediction of a [`CertainPlace`](certain::CertainPlace), without its rules.
    pub(super) fn certain_prediction(self: &Rc<Self>, credit: Credit) -> Prediction {
        Prediction { credit, ..self.prediction(0, RuleIds::new(), None) }
    }

    /// Notes that a request has arrived at the route of this pattern, although another one was predicted.
    pub(super) fn note_arrival(&self, pattern: &str) {
        let is_there = |(_, place): &(usize, &Candidate)| place.pattern.as_deref() == Some(pattern);
        let there = self.candidates.iter().enumerate().filter(is_there);
        let bits = there.fold(self.reached.get(), |bits, (number, _)| bits | bit(number));
        self.reached.set(bits);
    }

    /// Returns the prediction that holds for a request which has arrived, at the route of this pattern or at a default
    /// service, and has met these rules on its way.
    pub(super) fn arrival(self: &Rc<Self>, pattern: Option<&str>, met: &[RuleId]) -> Option<Prediction> {
        let is_there = |place: &&Candidate| {
            place.pattern.as_deref() == pattern && met.iter().all(|rule| place.rules.contains(rule))
        };
        let candidate = self.candidates.iter().position(|place| is_there(&place))?;
        Some(self.prediction(candidate, RuleIds::from_slice(met), None))
    }

    fn among_rivals(self: &Rc<Self>, likely: usize, reachable: &Reachable) -> Prediction {
        let place = &self.candidates[likely];
        let rivals =
            || reachable.iter().map(|(rival, _)| *rival).filter(|rival| self.is_rival(*rival, likely));
        let in_any_case = |rule: &RuleId| rivals().all(|rival| self.candidates[rival].rules.contains(rule));
        let mut shared = place.rules.clone();
        shared.retain(|rule| in_any_case(rule));
        let is_method_of_pattern = reachable.contains(&(likely, Admits::Yes));
        let is_twin = |rival: usize| {
            let rival_place = &self.candidates[rival];
            let is_other_method =
                is_method_of_pattern && rival_place.own.is_none() && rival_place.scopes == place.scopes;
            !is_other_method && rival_place.is_twin_of(place)
        };
        let of_rivals = |candidate: usize| {
            let predicted = &self.candidates[candidate];
            let is_reached = |rival: &usize| self.reached.get() & bit(*rival) != 0;
            let rivals = reachable.iter().map(|(rival, _)| rival).filter(|rival| is_reached(rival));
            let rivals = rivals.map(|rival| &self.candidates[*rival]);
            let all =
                rivals.filter(|rival| rival.pattern != predicted.pattern).flat_map(Candidate::rules_of_route);
            let mut others: RulesOfRoutes = all.collect();
            others.sort_unstable();
            others.dedup();
            others
        };
        if rivals().any(is_twin) {
            return Prediction { of_rivals: of_rivals(likely), ..self.prediction(likely, shared, None) };
        }
        let elsewhere = (shared.len() < place.rules.len()).then(|| {
            let plain = rivals().find(|rival| self.candidates[*rival].own.is_none());
            let candidate = plain.or_else(|| rivals().next()).unwrap_or(likely);
            Box::new(Elsewhere { candidate, rules: shared, of_rivals: of_rivals(candidate) })
        });
        let of_rivals = of_rivals(likely);
        Prediction { of_rivals, ..self.prediction(likely, place.rules.clone(), elsewhere) }
    }

    fn prediction(
        self: &Rc<Self>,
        candidate: usize,
        rules: RuleIds,
        elsewhere: Option<Box<Elsewhere>>,
    ) -> Prediction {
        let (credit, of_rivals) = (Credit::default(), Vec::new());
        Prediction { route: Rc::clone(self), candidate, rules, elsewhere, of_rivals, credit }
    }

    /// Returns the places that the request may arrive at, of those inside of all that it has met.
    fn reachable(&self, req: &ServiceRequest, met: &[RuleId]) -> Reachable {
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
    fn likely(&self, reachable: &Reachable) -> Option<usize> {
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
    fn is_rival(&self, rival: usize, of: usize) -> bool {
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

impl Prediction {
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

    /// Returns whether a refusal may be undone by a guard: another place may take the request, where not all of the
    /// granted rules hold.
    pub(crate) fn may_end_elsewhere(&self) -> bool {
        self.elsewhere.is_some()
    }

    /// Returns the prediction for the place that may take the request instead.
    pub(crate) fn elsewhere(&self) -> Option<Self> {
        let Elsewhere { candidate, rules, of_rivals } = Elsewhere::clone(self.elsewhere.as_deref()?);
        Some(Self { of_rivals, ..self.route.prediction(candidate, rules, None) })
    }

    /// Leaves the limits of rules of the place to a limiter further in, from now on.
    pub(crate) fn delegate(&self, rules: &[RuleId]) {
        self.place().delegate(rules);
    }

    /// Takes back what was left to a limiter further in, since requests do not come to it.
    pub(crate) fn reclaim(&self, rules: &[RuleId]) {
        self.place().reclaim(rules);
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
            registered: RuleIds::from_slice(rules),
            delegated_rules: RuleIds::new(),
            method,
            preflight,
        }
    }
}
