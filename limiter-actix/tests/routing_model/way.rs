//! Where a request goes, as the bare twin shows it, and what a limiter can know of that.

use crate::{
    arrive::{Arrival, Handler},
    description::{At, Place, Request, Settings},
    levels::{ActiveLimit, Count, Decision, Of, Unclear, Whose},
    sites::Sites,
    walk::{Certainty, End},
};

/// Where a request goes, and the limits it meets there.
pub(crate) struct Way<'a> {
    pub(crate) sites: &'a Sites<'a>,
    pub(crate) request: &'a Request,
    pub(crate) target: String,
    /// As the limiter sees it.
    pub(crate) path: String,
    pub(crate) arrival: Arrival,
    pub(crate) end: End,
    /// All ends the limiter must reckon with.
    pub(crate) ends: Vec<End>,
    /// All ends under whose route it may be counted.
    routes: Vec<End>,
    /// Places that nothing but guards keeps it from: those in their scopes that alone match.
    only: Vec<usize>,
    pub(crate) is_certain: bool,
    /// True if middleware inside of the limiter has changed the path.
    pub(crate) is_rewritten: bool,
    pub(crate) decisions: Vec<Decision>,
}

impl<'a> Way<'a> {
    /// None where the contract leaves open which rules by pattern hold. Rules are fresh while no request has gone
    /// elsewhere than expected.
    pub(crate) fn of(
        sites: &'a Sites<'a>,
        request: &'a Request,
        target: &str,
        (path, arrival): (String, Arrival),
        is_fresh: bool,
    ) -> Option<Self> {
        let end = end(sites, &arrival);
        let decisions = sites.decisions(end, &arrival.path, request.method).ok()?;
        let ways = sites.ways(&path, request);
        let is_rewritten = path != arrival.path;
        let is_matched = |end: &End| matches!(end, End::At(_));
        let may_be_rewritten = sites.app.inside.is_some() && !is_matched(&end);
        // A path of which no method is taken may be counted as unmatched or not.
        let is_half_matched = !is_matched(&end) && ways.ends.iter().chain(&ways.closed).any(is_matched);
        let enough = if is_fresh { Certainty::WhileFresh } else { Certainty::Sure };
        let is_expected = ways.expected == end && ways.certainty >= enough;
        let mut ends = ways.ends;
        if is_rewritten {
            ends.extend(sites.ways(&arrival.path, request).ends);
        }
        Some(Self {
            sites,
            request,
            target: target.to_owned(),
            path,
            arrival,
            end,
            routes: ends.iter().chain(&ways.closed).copied().collect(),
            ends,
            only: ways.only,
            is_certain: is_expected && !is_rewritten && !may_be_rewritten && !is_half_matched,
            is_rewritten,
            decisions,
        })
    }

    pub(crate) fn is_unmatched(&self) -> bool {
        matches!(self.end, End::Unmatched(_))
    }

    /// The limits that apply.
    pub(crate) fn limits(&self) -> impl Iterator<Item = &ActiveLimit> {
        self.decisions.iter().flat_map(|decision| &decision.limits)
    }

    /// The counts that a limit may take from: several where routing is open and the count is one of the route.
    pub(crate) fn pool(&self, limit: &ActiveLimit) -> Vec<ActiveLimit> {
        let mut pool = vec![limit.clone()];
        if self.is_certain || !self.is_by_route(limit.count.of) {
            return pool;
        }
        for end in &self.routes {
            let route = self.sites.route(*end);
            let is_split = limit.count.of != Of::Defaults || route.is_some();
            let method = limit.count.method.filter(|_| is_split);
            let count = Count { route, method, ..limit.count.clone() };
            if pool.iter().all(|there| there.count != count) {
                pool.push(ActiveLimit { count, amount: limit.amount });
            }
        }
        pool
    }

    /// Returns whether the route names the count where the place alone does not.
    fn is_by_route(&self, of: Of) -> bool {
        match of {
            Of::Application => false,
            Of::Defaults | Of::Pattern(..) => true,
            Of::Rule(number, _) => self.sites.all[number].is_scope,
        }
    }

    /// The limits that are decided before routing where it is open: those of plain places, and of the scopes on the
    /// way.
    pub(crate) fn plain(&self) -> Vec<ActiveLimit> {
        let limiters = self.routes.iter().flat_map(|end| {
            let limiters = self.sites.limiters(*end).into_iter();
            limiters.flat_map(|(whose, settings)| self.plain_of(whose, settings, *end))
        });
        let scopes = self.limits().filter(|limit| self.is_by_route(limit.count.of));
        let mut plain: Vec<ActiveLimit> = limiters.collect();
        plain.extend(scopes.flat_map(|limit| self.pool(limit)));
        plain.extend(self.given());
        plain
    }

    /// Returns the limits of an end that has no rules.
    fn plain_of(&self, whose: Whose, settings: &Settings, end: End) -> Vec<ActiveLimit> {
        let applies =
            |amount, of, route, method| ActiveLimit { count: Count { whose, of, route, method }, amount };
        let split = settings.per_method.then_some(self.request.method.counted());
        let mut plain = Vec::new();
        if let Some(amount) = settings.application {
            plain.push(applies(amount, Of::Application, None, None));
        }
        if let Some(amount) = settings.defaults {
            plain.push(applies(amount, Of::Defaults, self.sites.route(end), split));
            plain.push(applies(amount, Of::Defaults, None, None));
        }
        plain
    }

    /// The limits of rules by pattern that may hold.
    fn given(&self) -> Vec<ActiveLimit> {
        let method = self.request.method;
        let mut limits = Vec::new();
        for (number, given) in self.sites.app.given.iter().enumerate() {
            for end in self.routes.iter().filter(|end| self.sites.may_cover(given, **end, &self.path, method))
            {
                for (limit, declared) in given.rule.limits.iter().enumerate() {
                    let method = declared.per_method.then_some(method.counted());
                    let (whose, of, route) = (Whose::App, Of::Pattern(number, limit), self.sites.route(*end));
                    limits.push(ActiveLimit {
                        count: Count { whose, of, route, method },
                        amount: declared.amount,
                    });
                }
            }
        }
        limits
    }

    /// The limits at all ends.
    pub(crate) fn declared(&self) -> Vec<ActiveLimit> {
        let at = |end: &End| match self.sites.decisions(*end, &self.path, self.request.method) {
            Ok(decisions) => decisions,
            Err(Unclear) => self.sites.decisions_of_places(*end, &self.path, self.request.method),
        };
        self.ends.iter().flat_map(at).flat_map(|decision| decision.limits).collect()
    }

    /// The limits on scopes around all ends.
    pub(crate) fn declared_on_scopes(&self) -> Vec<ActiveLimit> {
        let mut limits = self.declared();
        limits
            .retain(|limit| matches!(limit.count.of, Of::Rule(number, _) if self.sites.all[number].is_scope));
        limits
    }

    /// The limits on places that nothing but guards keeps the request from.
    pub(crate) fn declared_on_the_only_way(&self) -> Vec<ActiveLimit> {
        let mut limits = self.declared();
        limits.retain(|limit| matches!(limit.count.of, Of::Rule(number, _) if self.only.contains(&number)));
        limits
    }

    /// Places with rules that may be granted, and that the request does not meet.
    pub(crate) fn astray(&self) -> Vec<usize> {
        let met = self.sites.chain(self.end);
        let expected = self.ends.iter().flat_map(|end| self.sites.chain(*end));
        let is_astray = |number: &usize| !met.contains(number) && self.sites.all[*number].rule.is_some();
        expected.filter(is_astray).collect()
    }

    /// Rules by pattern that stand on routes where the request might have gone, and not where it went.
    pub(crate) fn given_elsewhere(&self) -> Vec<usize> {
        let mut given = self.given_on_some();
        given.retain(|given| !self.is_given_on(*given, &self.end));
        given
    }

    /// Rules by pattern that stand on some of the routes where the request might have gone.
    pub(crate) fn given_on_some(&self) -> Vec<usize> {
        let is_on_some = |given: &usize| self.ends.iter().any(|end| self.is_given_on(*given, end));
        (0..self.sites.app.given.len()).filter(is_on_some).collect()
    }

    fn is_given_on(&self, given: usize, end: &End) -> bool {
        matches!(end, End::At(number) if self.sites.is_given(&self.sites.app.given[given], *number))
    }
}

/// Returns whether a rule by pattern stands on routes.
pub(crate) fn is_on_routes(sites: &Sites<'_>, given: usize) -> bool {
    sites.app.given[given].at == At::Route
}

fn end(sites: &Sites<'_>, arrival: &Arrival) -> End {
    match arrival.handler {
        Handler::Of(number) => End::At(number),
        Handler::Default => End::Unmatched(arrival.scope),
        Handler::Fn(handler) => {
            let is_it = |site: &usize| matches!(sites.all[*site].place, Place::Fn(it) if *it == handler);
            End::At(sites.inside(arrival.scope).find(is_it).expect("the handler is mounted"))
        }
    }
}
