//! The counters of each limit on each route.

use std::{
    cell::OnceCell,
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use limiter_core::Window;
use metrics::{Counter, counter};
use parking_lot::Mutex;

use super::names;

/// The counters of one limit on one route.
pub(crate) struct Series {
    hits: Counter,
    refusals: Counter,
    shadow_refusals: Counter,
    near: Counter,
}

/// The counters of a bound limit, kept so that a request formats no label.
#[derive(Default)]
pub(crate) struct LimitMetrics(OnceCell<(Option<Box<str>>, Series)>);

/// The route of requests that match none.
const UNMATCHED: &str = "unmatched";

/// The route of manual checks.
const MANUAL: &str = "manual";

/// The route and the limit of all pairs beyond [`MAX_SERIES`].
const OTHER: &str = "other";

/// The number of pairs of a route and a limit that a process distinguishes.
const MAX_SERIES: usize = 1000;

type Labels = (Arc<str>, Arc<str>);

/// The pairs that have their own counters.
static KNOWN: LazyLock<Mutex<HashSet<Labels>>> = LazyLock::new(Mutex::default);

impl LimitMetrics {
    /// Calls `record` with the counters of a route. Usually a limit applies on one route only, whose counters are kept.
    pub(crate) fn at(&self, route: Option<&str>, label: impl Fn() -> Arc<str>, record: impl FnOnce(&Series)) {
        let new = || Series::new(route.unwrap_or(UNMATCHED), &label());
        let (known, series) = self.0.get_or_init(|| (route.map(Into::into), new()));
        if known.as_deref() == route { record(series) } else { record(&new()) }
    }

    /// Calls `record` with the counters of manual checks.
    pub(crate) fn at_manual(&self, label: impl Fn() -> Arc<str>, record: impl FnOnce(&Series)) {
        self.at(Some(MANUAL), label, record);
    }
}

impl Series {
    /// Returns the counters of a named limit that code hits.
    pub(crate) fn manual(name: &str) -> Self {
        Self::new(MANUAL, name)
    }

    fn new(route: &str, limit: &str) -> Self {
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

    /// Counts a hit, and whether it left less than a fifth of `capacity`.
    pub(crate) fn passed(&self, window: &Window, capacity: u64) {
        self.hits.increment(1);
        if u128::from(window.remaining()) * 5 < u128::from(capacity) {
            self.near.increment(1);
        }
    }

    pub(crate) fn refused(&self) {
        self.refusals.increment(1);
    }

    pub(crate) fn shadow_refused(&self) {
        self.shadow_refusals.increment(1);
    }
}

/// Returns the labels, or [`OTHER`] if the process distinguishes no more of them.
fn bounded(known: &mut HashSet<Labels>, route: &str, limit: &str) -> Labels {
    let labels: Labels = (route.into(), limit.into());
    if let Some(there) = known.get(&labels) {
        return there.clone();
    }
    if known.len() >= MAX_SERIES {
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
        for route in 0..MAX_SERIES {
            assert_eq!(*get(route), format!("/{route}"));
        }
        assert_eq!(&*get(MAX_SERIES), OTHER);
        // Known pairs keep their labels.
        assert_eq!(&*get(7), "/7");
        assert_eq!(known.len(), MAX_SERIES);
    }
}
