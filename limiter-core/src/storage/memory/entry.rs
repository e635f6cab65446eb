use super::{
    cells::Cell,
    shape::{Count, Shape, ShapeName},
};
use crate::{
    Policy, Timestamp, Window,
    digest::halves,
    storage::{Decision, Hit},
    strategy::{Numbers, State},
};

/// The counts of one client in one scope: no more than what differs from one client to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    /// 96 bits of that of scope and key.
    digest: [u32; 3],
    pub(super) shape: ShapeName,
    /// The newest time at which a count changed.
    pub(super) newest: Timestamp,
    pub(super) numbers: Numbers,
}

impl Entry {
    pub(super) fn new(digest: u128) -> Self {
        Self { digest: short(digest), ..Self::default() }
    }

    pub(super) fn of_shape(self, shape: ShapeName) -> Self {
        Self { shape, ..self }
    }

    /// The same client with its counts kept apart, at a place there.
    pub(super) fn kept_apart(self, place: usize) -> Self {
        Self { shape: ShapeName::APART, numbers: Numbers::of_other(place as u64), ..self }
    }

    /// Where its counts are kept apart, if they are.
    #[inline]
    pub(super) fn place_apart(&self) -> usize {
        // It was one before.
        usize::try_from(self.numbers.other()).unwrap_or(usize::MAX)
    }

    #[inline]
    pub(super) fn is_of(&self, digest: u128) -> bool {
        self.digest == short(digest)
    }

    /// What finds it within its shard.
    pub(super) fn hash(&self) -> u64 {
        let [low, middle, _] = self.digest.map(u64::from);
        middle << 32 | low
    }

    pub(super) fn test(&self, shape: &Shape, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        match shape.find(policy) {
            Some(count) => self.numbers.test(count.at(), policy, cost, now.max(self.newest)),
            None => State::untouched(policy, cost),
        }
    }

    /// Hits a count; the policy does not ignore the cost.
    #[inline]
    pub(super) fn hit(&mut self, count: &Count, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let now = now.max(self.newest);
        let window = self.numbers.hit(count.at(), policy, cost, now);
        self.note(policy, &window, now);
        window
    }

    /// Hits counts that are here, each once, and tells whether all pass; none when they are not. Unless all pass,
    /// the entry is no longer of use: some of them may have been hit.
    #[inline]
    pub(super) fn hit_all(
        &mut self,
        counts: &[Count],
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> Option<bool> {
        let now = now.max(self.newest);
        let (mut pass, mut is_in_order) = (true, true);
        for (index, hit) in limits.iter().enumerate() {
            let (policy, cost) = (hit.policy, hit.cost);
            let count = match counts.get(index) {
                Some(count) if count.is_of(policy) => count,
                _ => {
                    is_in_order = false;
                    counts.iter().find(|count| count.is_of(policy))?
                }
            };
            let window = if policy.ignores(cost) {
                self.numbers.test(count.at(), policy, cost, now)
            } else {
                let window = self.numbers.hit(count.at(), policy, cost, now);
                self.note(policy, &window, now);
                window
            };
            pass &= hit.shadow || window.is_allowed();
            decision.push(window);
        }
        (is_in_order || stand_once(limits)).then_some(pass)
    }

    /// Refusals leave no trace, not even of their time, but those that move an elastic end.
    #[inline]
    fn note(&mut self, policy: &Policy, window: &Window, now: Timestamp) {
        if window.is_allowed() || policy.is_elastic() {
            self.newest = now;
        }
    }

    pub(super) fn refund(&mut self, shape: &Shape, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        if let Some(count) = shape.find(hit.policy) {
            self.numbers.refund(count.at(), hit.policy, hit.cost, stamp, now.max(self.newest));
        }
    }

    /// Forgets one count; tells whether any is left.
    pub(super) fn clear(&mut self, shape: &Shape, policy: &Policy) -> bool {
        if let Some(count) = shape.find(policy) {
            count.copy(&Numbers::default(), &mut self.numbers, count.at());
        }
        self.numbers != Numbers::default()
    }

    /// The live count that is worth most; none when all have expired.
    pub(super) fn rank(&self, shape: &Shape, now: Timestamp) -> Option<(bool, Timestamp)> {
        let rank = |(count, policy): (&Count, &Policy)| {
            let expires = self.numbers.expires(count.at(), policy);
            (expires > now).then(|| (self.is_spent(count, policy), expires))
        };
        shape.known().filter_map(rank).max()
    }

    /// The counts, each by itself.
    pub(super) fn cells(&self, shape: &Shape) -> impl Iterator<Item = Cell> {
        shape.known().map(|(count, policy)| {
            Cell::of(policy, self.numbers.state(count.at(), policy), self.is_spent(count, policy))
        })
    }

    /// Whether nothing was left when a count last changed.
    #[inline]
    fn is_spent(&self, count: &Count, policy: &Policy) -> bool {
        self.numbers.remaining(count.at(), policy, self.newest) == 0
    }

    /// The same client with those counts that are `kept`, and a new one behind them. None when they do not fit.
    pub(super) fn reshaped(
        &self,
        shape: &Shape,
        kept: impl Fn(&Count, &Policy) -> bool,
        new: &Policy,
    ) -> Option<(Shape, Self)> {
        let (mut other, mut then) = (Shape::default(), Self { numbers: Numbers::default(), ..*self });
        for (count, policy) in shape.known().filter(|(count, policy)| kept(count, policy)) {
            count.copy(&self.numbers, &mut then.numbers, other.push(policy)?.at());
        }
        other.push(new)?;
        Some((other, then))
    }
}

/// Whether no two of the limits are one count.
#[cold]
fn stand_once(limits: &[Hit<'_>]) -> bool {
    let is_new = |(index, hit): (usize, &Hit<'_>)| {
        limits[..index].iter().all(|earlier| earlier.policy.id() != hit.policy.id())
    };
    limits.iter().enumerate().all(is_new)
}

/// The part of a digest that an entry keeps.
#[expect(clippy::cast_possible_truncation, reason = "the parts are what is wanted")]
fn short(digest: u128) -> [u32; 3] {
    let [low, high] = halves(digest);
    [low as u32, (low >> 32) as u32, high as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What many of them take is what counts.
    #[test]
    fn an_entry_is_less_than_a_cache_line() {
        assert_eq!(size_of::<Entry>(), 56);
    }
}
