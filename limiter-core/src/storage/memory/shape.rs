use smallvec::SmallVec;

use crate::{
    Policy, Strategy,
    strategy::{Numbers, State},
};

/// Which counts an entry has and where their numbers are. It is the same for many clients, so it is kept once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape(SmallVec<[Count; Numbers::ROOM]>);

/// What the counts of a policy have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// By its id.
    policy: u64,
    /// Nanoseconds.
    window: u64,
    strategy: Strategy,
    /// The place of its numbers in an entry, and how many they are.
    at: u8,
    numbers: u8,
}

impl Shape {
    pub(super) fn counts(&self) -> &[Count] {
        &self.0
    }

    /// Finds a count and its place among the others, which is mostly that of its limit in the batch.
    #[inline]
    pub(super) fn find(&self, policy: &Policy, guess: usize) -> Option<(usize, &Count)> {
        let is_it = |count: &Count| count.policy == policy.id();
        match self.0.get(guess) {
            Some(count) if is_it(count) => Some((guess, count)),
            _ => self.0.iter().enumerate().find(|(_, count)| is_it(count)),
        }
    }

    /// Adds a count behind the others; returns the place of its numbers, none when they do not fit.
    pub(super) fn push(&mut self, count: Count) -> Option<usize> {
        let at = self.0.last().map_or(0, |last| last.at + last.numbers);
        let fits = usize::from(at + count.numbers) <= Numbers::ROOM;
        fits.then(|| self.0.push(Count { at, ..count }))?;
        Some(at.into())
    }
}

impl Count {
    /// None when a count of this policy is more than a few numbers.
    pub(super) fn new(policy: &Policy) -> Option<Self> {
        Some(Self {
            policy: policy.id(),
            window: policy.window(),
            strategy: policy.strategy(),
            at: 0,
            numbers: Numbers::needed(policy)?,
        })
    }

    #[inline]
    pub(super) fn policy(&self) -> u64 {
        self.policy
    }

    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at.into()
    }

    /// The count of one client.
    pub(super) fn state(&self, numbers: &Numbers) -> State {
        numbers.state(self.at(), self.strategy, self.window)
    }

    /// Copies the count of one client to a place among other numbers.
    pub(super) fn copy(&self, from: &Numbers, numbers: &mut Numbers, place: usize) {
        numbers.copy(place, from, self.at(), self.numbers.into());
    }
}

/// The shapes that the entries of a shard have.
#[derive(Debug)]
pub(super) struct Shapes(Vec<Held>);

#[derive(Debug, Default)]
struct Held {
    shape: Shape,
    /// How many entries have it.
    by: usize,
}

/// Stands for a shape in its shard. The first is that of an entry without counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShapeName(u16);

impl ShapeName {
    /// The counts are kept apart.
    pub(super) const APART: Self = Self(u16::MAX);
}

/// How many shapes a shard has at once. More only come about when limits change by the request.
const MOST_SHAPES: usize = 64;

impl Shapes {
    /// None for counts that are kept apart.
    #[inline]
    pub(super) fn get(&self, name: ShapeName) -> Option<&Shape> {
        self.0.get(usize::from(name.0)).map(|held| &held.shape)
    }

    /// Names the shape for one more entry; none when there are too many.
    pub(super) fn hold(&mut self, shape: Shape) -> Option<ShapeName> {
        let known = self.0.iter().position(|held| held.shape == shape);
        let place = known.or_else(|| self.add(shape))?;
        let name = u16::try_from(place).ok()?;
        self.0[place].by += 1;
        Some(ShapeName(name))
    }

    /// One entry has this shape no longer.
    pub(super) fn release(&mut self, name: ShapeName) {
        if let Some(held) = self.0.get_mut(usize::from(name.0)) {
            held.by = held.by.saturating_sub(1);
        }
    }

    fn add(&mut self, shape: Shape) -> Option<usize> {
        let held = Held { shape, by: 0 };
        // All but the first, which is always of use.
        let unused = (1..self.0.len()).find(|place| self.0[*place].by == 0);
        match unused {
            Some(place) => self.0[place] = held,
            None if self.0.len() < MOST_SHAPES => self.0.push(held),
            None => return None,
        }
        Some(unused.unwrap_or(self.0.len() - 1))
    }
}

impl Default for Shapes {
    fn default() -> Self {
        Self(vec![Held::default()])
    }
}
