use super::{
    apart::Apart,
    cells::Cells,
    entry::Entry,
    pieces::Pieces,
    shape::{Count, Shapes},
};
use crate::{
    Policy, Timestamp, Window,
    storage::{Decision, Hit},
    strategy::State,
};

/// The entries of a shard, with all that belongs to them. They are named by their places.
///
/// An entry has a shape, which says what its numbers are. Or its counts are kept apart: because one of them is no
/// few numbers (a moving window), because they are too many, or because their shapes are.
#[derive(Debug, Default)]
pub(super) struct Entries {
    list: Pieces<Entry>,
    shapes: Shapes,
    apart: Apart,
}

/// What becomes of an entry when a batch is admitted.
pub(super) struct Draft {
    place: usize,
    entry: Entry,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> &Entry {
        &self.list[place]
    }

    /// Adds an entry without counts; returns its place.
    pub(super) fn push(&mut self, digest: u128) -> usize {
        self.list.push(Entry::new(digest))
    }

    /// Removes an entry, whose place the last one takes.
    pub(super) fn swap_remove(&mut self, place: usize) {
        let entry = self.list.swap_remove(place);
        if self.shapes.get(entry.shape).is_some() {
            self.shapes.release(entry.shape);
        } else {
            self.apart.remove(entry.place_apart());
        }
    }

    /// Looks at one count, which need not be there.
    pub(super) fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let entry = &self.list[place];
        match self.shapes.get(entry.shape) {
            Some(shape) => entry.test(shape, policy, cost, now),
            None => self.apart.get(entry.place_apart()).test(policy, cost, now.max(entry.newest)),
        }
    }

    /// Hits one count that is among the numbers of its entry; none when it is not. The policy does not ignore the
    /// cost.
    #[inline]
    pub(super) fn hit_number(&mut self, place: usize, hit: &Hit<'_>, now: Timestamp) -> Option<Window> {
        let entry = &mut self.list[place];
        let count = self.shapes.get(entry.shape)?.find(hit.policy)?;
        Some(entry.hit(count, hit.policy, hit.cost, now))
    }

    /// Hits one count, which is made if need be; returns the report, and how many live counts had to make way.
    /// The policy does not ignore the cost.
    pub(super) fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> (Window, u64) {
        let now = now.max(self.list[place].newest);
        self.see_to(place, policy, now);
        let entry = &mut self.list[place];
        if let Some(shape) = self.shapes.get(entry.shape) {
            let hit = |count| entry.hit(count, policy, cost, now);
            return (shape.find(policy).map_or(State::untouched(policy, cost), hit), 0);
        }
        let (window, evicted) = self.apart.get_mut(entry.place_apart()).hit(policy, cost, now);
        if window.is_allowed() || policy.is_elastic() {
            entry.newest = now;
        }
        (window, evicted)
    }

    /// Adds a count to the shape of an entry if it is missing, in the place of those that have expired if there is no
    /// other; or else keeps its counts apart from now on.
    fn see_to(&mut self, place: usize, policy: &Policy, now: Timestamp) {
        let entry = self.list[place];
        let shape = self.shapes.get(entry.shape).filter(|shape| shape.find(policy).is_none());
        let Some(shape) = shape else { return };
        let is_live = |count: &Count, policy: &Policy| entry.numbers.expires(count.at(), policy) > now;
        let reshaped = entry.reshaped(shape, |_, _| true, policy);
        let reshaped = reshaped.or_else(|| entry.reshaped(shape, is_live, policy));
        let reshaped = reshaped.and_then(|(shape, then)| Some(then.of_shape(self.shapes.hold(shape)?)));
        self.list[place] = reshaped.unwrap_or_else(|| self.kept_apart(&entry));
        self.shapes.release(entry.shape);
    }

    fn kept_apart(&mut self, entry: &Entry) -> Entry {
        let shape = self.shapes.get(entry.shape);
        let cells = shape.map_or_else(Cells::default, |shape| entry.cells(shape).collect());
        entry.kept_apart(self.apart.insert(cells))
    }

    /// Decides limits of which each has a count of its own here; returns whether that is so.
    ///
    /// Most batches pass, so the hits are made at once, on a copy where that is little.
    #[inline]
    pub(super) fn decide(
        &mut self,
        place: usize,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> bool {
        let entry = &mut self.list[place];
        let Some(shape) = self.shapes.get(entry.shape) else {
            return self.decide_apart(place, limits, now, decision);
        };
        let mut then = *entry;
        match then.hit_all(shape.counts(), limits, now, decision) {
            Some(true) => *entry = then,
            Some(false) => self.refuse(place, limits, now, decision),
            None => return false,
        }
        true
    }

    /// As [`decide`](Self::decide), but of limits that pass and are to be hit only when others do too; none for any
    /// others.
    #[inline]
    pub(super) fn draft(
        &self,
        place: usize,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> Option<Draft> {
        let mut entry = self.list[place];
        let shape = self.shapes.get(entry.shape)?;
        let pass = entry.hit_all(shape.counts(), limits, now, decision)?;
        pass.then_some(Draft { place, entry })
    }

    pub(super) fn keep(&mut self, draft: &Draft) {
        self.list[draft.place] = draft.entry;
    }

    fn decide_apart(
        &mut self,
        place: usize,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> bool {
        let entry = &mut self.list[place];
        let now = now.max(entry.newest);
        let cells = self.apart.get_mut(entry.place_apart());
        match cells.pass(limits, now) {
            Some(true) => {
                if cells.hit_all(limits, now, decision) {
                    entry.newest = now;
                }
            }
            Some(false) => {
                for hit in limits {
                    decision.push(cells.test(hit.policy, hit.cost, now));
                }
                self.refuse(place, limits, now, decision);
            }
            None => return false,
        }
        true
    }

    /// Reports a refusal anew, which takes nothing; but it moves the ends of those elastic windows that refuse.
    fn refuse(&mut self, place: usize, limits: &[Hit<'_>], now: Timestamp, decision: &mut Decision) {
        for (hit, window) in limits.iter().zip(decision.refuse()) {
            let (policy, cost) = (hit.policy, hit.cost);
            if !window.is_allowed() && !policy.is_elastic() {
                continue;
            }
            *window = self.test(place, policy, cost, now);
            if policy.is_elastic() && !hit.shadow && !window.is_allowed() && !policy.ignores(cost) {
                *window = self.hit(place, policy, cost, now).0;
            }
        }
    }

    pub(super) fn refund(&mut self, place: usize, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        let entry = &mut self.list[place];
        match self.shapes.get(entry.shape) {
            Some(shape) => entry.refund(shape, hit, stamp, now),
            None => self.apart.get_mut(entry.place_apart()).refund(hit, stamp, now.max(entry.newest)),
        }
    }

    /// Forgets one count; tells whether the entry has any left.
    pub(super) fn clear(&mut self, place: usize, policy: &Policy) -> bool {
        let entry = &mut self.list[place];
        match self.shapes.get(entry.shape) {
            Some(shape) => entry.clear(shape, policy),
            None => self.apart.get_mut(entry.place_apart()).clear(policy),
        }
    }

    /// Orders what should leave first: by the live count that is worth most; none when all have expired.
    pub(super) fn rank(&self, place: usize, now: Timestamp) -> Option<(bool, Timestamp)> {
        let entry = &self.list[place];
        match self.shapes.get(entry.shape) {
            Some(shape) => entry.rank(shape, now),
            None => self.apart.get(entry.place_apart()).rank(now),
        }
    }
}
