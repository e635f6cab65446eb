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
    /// A bit for each count that was spent when it last changed.
    spent: u8,
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
        match shape.find(policy, 0) {
            Some((_, count)) => self.numbers.test(count.at(), policy, cost, now.max(self.newest)),
            None => State::untouched(policy, cost),
        }
    }

    /// Hits the count at a place among the others; the policy does not ignore the cost.
    #[inline]
    pub(super) fn hit(
        &mut self,
        (place, count): (usize, &Count),
        policy: &Policy,
        cost: u64,
        now: Timestamp,
    ) -> Window {
        let now = now.max(self.newest);
        let window = self.numbers.hit(count.at(), policy, cost, now);
        // Other refusals leave no trace, not even of their time.
        if window.is_allowed() || policy.is_elastic() {
            self.newest = now;
            self.note_spent(place, &window);
        }
        window
    }

    /// Hits counts that are here, each once, and tells whether all pass; none when they are not. When one refuses,
    /// the entry is no longer of use, since others may have been hit.
    #[inline]
    pub(super) fn hit_all(
        &mut self,
        shape: &Shape,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> Option<bool> {
        let (mut seen, mut pass) = (0_u8, true);
        for (index, hit) in limits.iter().enumerate() {
            let (place, count) = shape.find(hit.policy, index)?;
            let bit = 1 << place;
            if seen & bit != 0 {
                return None;
            }
            seen |= bit;
            let window = if hit.policy.ignores(hit.cost) {
                self.numbers.test(count.at(), hit.policy, hit.cost, now.max(self.newest))
            } else {
                self.hit((place, count), hit.policy, hit.cost, now)
            };
            pass &= hit.shadow || window.is_allowed();
            decision.push(window);
        }
        Some(pass)
    }

    pub(super) fn give_back(&mut self, shape: &Shape, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        if let Some((place, count)) = shape.find(hit.policy, 0) {
            let now = now.max(self.newest);
            self.numbers.give_back(count.at(), hit.policy, hit.cost, stamp, now);
            self.note_spent(place, &self.numbers.test(count.at(), hit.policy, 0, now));
        }
    }

    /// Forgets one count; tells whether any is left.
    pub(super) fn clear(&mut self, shape: &Shape, policy: &Policy) -> bool {
        if let Some((place, count)) = shape.find(policy, 0) {
            count.copy(&Numbers::default(), &mut self.numbers, count.at());
            self.spent &= !(1 << place);
        }
        self.numbers != Numbers::default()
    }

    #[inline]
    fn note_spent(&mut self, place: usize, window: &Window) {
        let spent = u8::from(window.remaining() == 0);
        self.spent = self.spent & !(1 << place) | spent << place;
    }

    /// The live count that is worth most; none when all have expired.
    pub(super) fn rank(&self, shape: &Shape, now: Timestamp) -> Option<(bool, Timestamp)> {
        self.cells(shape).filter_map(|cell| cell.rank(now)).max()
    }

    /// The counts, each by itself.
    pub(super) fn cells(&self, shape: &Shape) -> impl Iterator<Item = Cell> {
        let cell = |(place, count): (usize, &Count)| {
            Cell::of(count.policy(), count.state(&self.numbers), self.spent >> place & 1 == 1)
        };
        shape.counts().iter().enumerate().map(cell)
    }

    /// The same client with those counts that are `kept`, and a new one behind them. None when they do not fit.
    pub(super) fn reshaped(
        &self,
        shape: &Shape,
        kept: impl Fn(&Count) -> bool,
        new: Count,
    ) -> Option<(Shape, Self)> {
        let mut shape_then = Shape::default();
        let mut then = Self { spent: 0, numbers: Numbers::default(), ..*self };
        for (place, count) in shape.counts().iter().enumerate().filter(|(_, count)| kept(count)) {
            then.spent |= (self.spent >> place & 1) << shape_then.counts().len();
            count.copy(&self.numbers, &mut then.numbers, shape_then.push(*count)?);
        }
        shape_then.push(new)?;
        Some((shape_then, then))
    }
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
