//! Compares what comes of requests with the model, one after the other.

use std::collections::{HashMap, HashSet};

use crate::{
    description::{Kind, Verb},
    levels::{ActiveLimit, Count, Of, Whose},
    send::Outcome,
    sites::Sites,
    tally::Tally,
    way::{Way, is_on_routes},
};

/// A rule that may have been granted to a request that did not meet it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Grant {
    /// On the place with this number.
    On(usize),
    /// The rule by pattern with this number.
    Pattern(usize),
}

/// The model, with all it knows of the requests so far.
pub(crate) struct Judge<'a> {
    sites: &'a Sites<'a>,
    tally: Tally,
    /// True if no request has gone elsewhere than a rule was expected.
    pub(crate) is_fresh: bool,
    /// True if any rule may be in doubt, even where routing is certain.
    is_loose: bool,
    has_rewritten: bool,
    /// The number of requests that middleware has answered before a limiter further in was met. The outer one may not have
    /// known of it, and have charged the rules there itself.
    charged_ahead: u64,
    granted: HashSet<Grant>,
    /// The most requests that were under way at once, if a middleware waits on the way: a guard that alone matches may
    /// reject all of them before one shows it.
    at_once: u64,
    /// Admitted requests by path, method and headers, for limits that may take from one of several counts.
    alike: HashMap<(String, Verb, bool, bool, Whose, Of), u64>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(sites: &'a Sites<'a>) -> Self {
        Self {
            sites,
            tally: Tally::default(),
            is_fresh: true,
            is_loose: false,
            has_rewritten: false,
            charged_ahead: 0,
            granted: HashSet::new(),
            at_once: 1,
            alike: HashMap::new(),
        }
    }

    /// The limits of a request and what was taken from them, as text.
    pub(crate) fn show(&self, way: &Way<'_>) -> String {
        let decisions = way.decisions.iter().map(|decision| {
            decision.limits.iter().map(|limit| self.tally.show(limit)).collect::<Vec<_>>().join(", ")
        });
        decisions.collect::<Vec<_>>().join(" | ")
    }

    /// Notes which rules so many requests at once may be granted; to be called before they are judged.
    pub(crate) fn expect(&mut self, way: &Way<'_>, together: usize) {
        if self.sites.app.routes_later() {
            self.at_once = self.at_once.max(together as u64);
        }
        if !way.is_certain {
            self.granted.extend(way.astray().into_iter().map(Grant::On));
            self.granted.extend(way.given_on_some().into_iter().map(Grant::Pattern));
        }
        if way.is_rewritten || self.has_rewritten {
            self.granted.extend((0..self.sites.app.given.len()).map(Grant::Pattern));
        }
    }

    /// Compares what came of a request, and counts it.
    pub(crate) fn judge(&mut self, way: &Way<'_>, kind: Kind, outcome: &Outcome) -> Result<(), String> {
        match outcome {
            Outcome::Admitted(arrival) => {
                if arrival.as_ref().is_some_and(|arrival| *arrival != way.arrival) {
                    return Err("it comes elsewhere than without a limiter".to_owned());
                }
                if let Some(limit) = self.refusing(way) {
                    return Err(format!("a limit is exceeded: {}", self.tally.show(limit)));
                }
                self.count(way, kind)
            }
            Outcome::Refused if !self.may_be_refused(way, kind) => {
                Err("it is refused although nothing is spent".to_owned())
            }
            Outcome::Refused => {
                if kind == Kind::Together && way.decisions.len() > 1 {
                    // A limiter further in may have refused it before it met a rule that nobody had met yet.
                    self.reserve(way);
                } else {
                    self.count_refused(way);
                }
                Ok(())
            }
            Outcome::Denied if way.is_certain && self.must_be_refused_first(way) => {
                Err("middleware inside of a limiter answers, although a limit is spent".to_owned())
            }
            Outcome::Denied | Outcome::Lost => {
                self.count_unrouted(way, kind);
                Ok(())
            }
        }
    }

    /// Notes what a request has put in doubt; to be called after it was judged.
    pub(crate) fn learn(&mut self, way: &Way<'_>, kind: Kind) {
        self.has_rewritten |= way.is_rewritten;
        let is_astray = !way.astray().is_empty() || !way.given_elsewhere().is_empty();
        self.is_fresh &= !is_astray;
        // What is reserved for unmatched paths comes back only with the answer.
        self.is_loose |= (is_astray && way.is_rewritten) || (way.is_unmatched() && kind != Kind::Whole);
    }

    /// A limit that should have refused the request.
    fn refusing<'w>(&self, way: &'w Way<'_>) -> Option<&'w ActiveLimit> {
        let must_refuse = |limit: &ActiveLimit| self.tally.must_refuse(limit, self.free(limit.count.of));
        way.limits().find(|limit| way.pool(limit).iter().all(must_refuse))
    }

    /// Returns whether the outermost limiter must refuse the request.
    fn must_be_refused_first(&self, way: &Way<'_>) -> bool {
        let must_refuse = |limit: &ActiveLimit| self.tally.must_refuse(limit, self.free(limit.count.of));
        way.decisions[0].limits.iter().any(must_refuse)
    }

    /// Returns the number of requests that may have been free of a limit: one for each rule that may have lifted it.
    fn free(&self, of: Of) -> u64 {
        let may_lift = |grant: &&Grant| match (of, **grant) {
            (Of::Application | Of::Defaults, _) => true,
            (Of::Rule(scope, _), Grant::On(number)) => self.sites.all[number].around.contains(&scope),
            (Of::Rule(scope, _), Grant::Pattern(_)) => self.sites.all[scope].is_scope,
            (Of::Pattern(number, _), Grant::Pattern(given)) if number == given => true,
            (Of::Pattern(number, _), _) => !is_on_routes(self.sites, number),
        };
        let free = |grant: &Grant| if matches!(grant, Grant::On(_)) { self.at_once } else { 1 };
        self.granted.iter().filter(may_lift).map(free).sum()
    }

    fn may_be_refused(&self, way: &Way<'_>, kind: Kind) -> bool {
        let is_any_spent = |limits: Vec<ActiveLimit>| limits.iter().any(|limit| self.tally.may_refuse(limit));
        // What a rewritten path has taught of rules by pattern holds for all paths that match nothing.
        let is_lax = way.is_rewritten || (self.has_rewritten && !self.sites.app.given.is_empty());
        let is_eager = way.is_certain && !self.sites.app.routes_later() && !way.is_unmatched();
        let is_crowded = kind == Kind::Together && !is_eager;
        is_lax
            || is_crowded
            || (self.charged_ahead > 0 && way.decisions.len() > 1)
            || way.limits().any(|limit| self.tally.may_refuse(limit))
            || ((!way.is_certain || self.is_loose) && is_any_spent(way.plain()))
            || (!way.is_certain && is_any_spent(way.declared_on_the_only_way()))
            || (!way.is_certain && is_any_spent(way.declared_on_scopes()))
    }

    /// Counts an admitted request.
    fn count(&mut self, way: &Way<'_>, kind: Kind) -> Result<(), String> {
        for limit in way.limits() {
            let pool = way.pool(limit);
            match pool.as_slice() {
                [one] => self.tally.take(&one.count),
                _ => self.count_one_of(pool, way, limit)?,
            }
        }
        if way.is_unmatched() && matches!(kind, Kind::Dropped(_) | Kind::Panics | Kind::Together) {
            self.reserve(way);
        }
        if way.is_unmatched() && !way.is_certain {
            self.may_take(way.plain().into_iter().filter(|limit| limit.count.of == Of::Defaults));
        }
        Ok(())
    }

    /// Counts a request that takes from one of several counts: all together let through so many of its kind.
    fn count_one_of(
        &mut self,
        pool: Vec<ActiveLimit>,
        way: &Way<'_>,
        limit: &ActiveLimit,
    ) -> Result<(), String> {
        let free = self.free(limit.count.of);
        let Count { whose, of, .. } = limit.count;
        let key = (way.path.clone(), way.request.method, way.request.a, way.request.b, whose, of);
        let alike = self.alike.entry(key).or_default();
        *alike += 1;
        if *alike > limit.amount * pool.len() as u64 + free {
            return Err(format!("limits are exceeded, {} in all: {}", pool.len(), self.tally.show(limit)));
        }
        self.may_take(pool);
        Ok(())
    }

    /// Counts a refused request: a limiter further in may have refused what those further out have let through.
    fn count_refused(&mut self, way: &Way<'_>) {
        // The outer limiter may know already that nothing passes further in.
        let is_closed = way.limits().any(|limit| limit.amount == 0);
        for decision in &way.decisions[..way.decisions.len() - 1] {
            let may_refuse = decision.limits.iter().any(|limit| self.tally.may_refuse(limit));
            let must_refuse = decision.limits.iter().any(|limit| self.tally.must_refuse(limit, 0));
            for limit in &decision.limits {
                if way.is_certain && !may_refuse && !is_closed {
                    self.tally.take(&limit.count);
                } else {
                    self.may_take(way.pool(limit));
                }
            }
            if way.is_certain && must_refuse {
                return;
            }
        }
    }

    /// Counts a request that was not routed.
    fn count_unrouted(&mut self, way: &Way<'_>, kind: Kind) {
        self.charged_ahead += u64::from(way.decisions.len() > 1);
        if way.is_certain && kind == Kind::Denied {
            way.decisions[0].limits.iter().for_each(|limit| self.tally.take(&limit.count));
            return;
        }
        self.reserve(way);
        self.is_loose |= kind != Kind::Denied;
    }

    /// Counts all that may be reserved for a request.
    fn reserve(&mut self, way: &Way<'_>) {
        let limits = way.limits().cloned().chain(way.plain()).chain(way.declared());
        self.may_take(limits.collect::<Vec<_>>());
    }

    /// One may be taken from each count.
    fn may_take(&mut self, limits: impl IntoIterator<Item = ActiveLimit>) {
        let counts: HashSet<Count> = limits.into_iter().map(|limit| limit.count).collect();
        for count in &counts {
            self.tally.may_take(count);
        }
    }
}
