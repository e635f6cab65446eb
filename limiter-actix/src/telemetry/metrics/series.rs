//! What is counted for each limit on each route.

use std::{
    cell::OnceCell,
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use limiter_core::Window;
use metrics::{Counter, counter};
use parking_lot::Mutex;

use super::names;
use crate::{
    decision::charge::Charge,
    limit::{callback::Text, quota_source::Source},
    plan::bound_limit::{Placed, Tier},
};

/// The counters of one limit on one route.
pub(super) struct Series {
    hits: Counter,
    refusals: Counter,
    shadow_refusals: Counter,
    near: Counter,
}

/// The counters of a limit at its place, so that no text is made for a request.
#[derive(Default)]
pub(crate) struct OfLimit(OnceCell<(Option<Box<str>>, Series)>);

/// The route of requests that match none.
const UNMATCHED: &str = "unmatched";

/// The route of limits that code has hit by their names.
pub(super) const MANUAL: &str = "manual";

/// The route and the limit of all that come when there are [too many](MOST_SERIES).
const OTHER: &str = "other";

/// The limits that functions of the request tell.
const DYNAMIC: &str = "dynamic";

/// How many pairs of a route and a limit are told apart in a process.
const MOST_SERIES: usize = 1000;

type Labels = (Arc<str>, Arc<str>);

/// Those that are told apart.
static KNOWN: LazyLock<Mutex<HashSet<Labels>>> = LazyLock::new(Mutex::default);

impl OfLimit {
    /// Does something with the counters for a route. A limit is mostly met on one route only.
    pub(super) fn at(&self, route: Option<&str>, placed: &Placed, tell: impl FnOnce(&Series)) {
        let new = || Series::new(route.unwrap_or(UNMATCHED), &label(placed));
        let (known, series) = self.0.get_or_init(|| (route.map(Into::into), new()));
        if known.as_deref() == route { tell(series) } else { tell(&new()) }
    }
}

impl Series {
    pub(super) fn new(route: &str, limit: &str) -> Self {
        let (route, limit) = bounded(&mut KNOWN.lock(), route, limit);
        let counter =
            |name: &'static str| counter!(name, "route" => Arc::clone(&route), "limit" => Arc::clone(&limit));
        Self {
            hits: counter(names::LIMIT_HITS),
            refusals: counter(names::LIMIT_REFUSALS),
            shadow_refusals: counter(names::LIMIT_SHADOW_REFUSALS),
            near: counter(names::LIMIT_NEAR),
        }
    }

    /// Counts a limit of a request that was admitted.
    pub(super) fn admitted(&self, charge: &Charge, window: &Window) {
        if charge.would_have_refused() {
            self.shadow_refused();
        } else if window.is_allowed() {
            self.passed(window, charge.placed.policy.capacity());
        }
    }

    /// Counts what passed, and whether it has left less than a fifth of `most`.
    pub(super) fn passed(&self, window: &Window, most: u64) {
        self.hits.increment(1);
        if u128::from(window.remaining()) * 5 < u128::from(most) {
            self.near.increment(1);
        }
    }

    pub(super) fn refused(&self) {
        self.refusals.increment(1);
    }

    pub(super) fn shadow_refused(&self) {
        self.shadow_refusals.increment(1);
    }
}

/// What metrics call a limit: nothing that comes from a request.
fn label(placed: &Placed) -> Arc<str> {
    let limit = &placed.limit;
    match (&limit.name, &limit.shared, &limit.source) {
        (Some(name), _, _) | (None, Some(Text::Fixed(name)), _) => Arc::clone(name),
        (_, _, Source::Dynamic(_)) => DYNAMIC.into(),
        (_, _, Source::Fixed(_)) => format!("{} {}", tier(placed.tier), placed.text()).into(),
    }
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Meta => "meta",
        Tier::Application => "application",
        Tier::Default => "default",
        Tier::Scope(_) => "scope",
        Tier::Route => "route",
    }
}

/// The labels themselves as long as there is room for them.
fn bounded(known: &mut HashSet<Labels>, route: &str, limit: &str) -> Labels {
    let labels: Labels = (route.into(), limit.into());
    if let Some(there) = known.get(&labels) {
        return there.clone();
    }
    if known.len() >= MOST_SERIES {
        return (OTHER.into(), OTHER.into());
    }
    known.insert(labels.clone());
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded() {
        let mut known = HashSet::new();
        let mut get = |route: usize| bounded(&mut known, &format!("/{route}"), "5 per 1 minute").0;
        for route in 0..MOST_SERIES {
            assert_eq!(*get(route), format!("/{route}"));
        }
        assert_eq!(&*get(MOST_SERIES), OTHER);
        // Those that were there stay.
        assert_eq!(&*get(7), "/7");
        assert_eq!(known.len(), MOST_SERIES);
    }
}
