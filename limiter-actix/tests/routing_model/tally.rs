//! Plain counters: windows are fixed, and time stands still.

use std::collections::HashMap;

use crate::levels::{ActiveLimit, Count};

/// The hits taken from each count.
#[derive(Default)]
pub(crate) struct Tally(HashMap<Count, Usage>);

#[derive(Clone, Copy, Default)]
struct Usage {
    /// Surely.
    least: u64,
    /// At most.
    most: u64,
}

impl Tally {
    /// One is taken.
    pub(crate) fn take(&mut self, count: &Count) {
        let taken = self.0.entry(count.clone()).or_default();
        taken.least += 1;
        taken.most += 1;
    }

    /// One may be taken.
    pub(crate) fn may_take(&mut self, count: &Count) {
        self.0.entry(count.clone()).or_default().most += 1;
    }

    /// Returns whether the limit must refuse, if so many requests may have been free.
    pub(crate) fn must_refuse(&self, limit: &ActiveLimit, free: u64) -> bool {
        self.taken(&limit.count).least >= limit.amount + free
    }

    /// Returns whether the limit may refuse.
    pub(crate) fn may_refuse(&self, limit: &ActiveLimit) -> bool {
        self.taken(&limit.count).most >= limit.amount
    }

    /// Returns the hits taken, as text.
    pub(crate) fn show(&self, limit: &ActiveLimit) -> String {
        let Usage { least, most } = self.taken(&limit.count);
        let Count { whose, of, route, method } = &limit.count;
        let method = method.map_or("", |method| method.name());
        let route = route.as_deref().unwrap_or("unmatched");
        format!("{of:?} of {whose:?} at {method} {route}: {least}..={most} of {}", limit.amount)
    }

    fn taken(&self, count: &Count) -> Usage {
        self.0.get(count).copied().unwrap_or_default()
    }
}
