use smallvec::SmallVec;

use crate::{Policy, strategy::Numbers};

/// Which counts an entry has and where their numbers are. It is the same for many clients, so it is kept once.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    counts: SmallVec<[Count; Numbers::ROOM]>,
    /// Of the counts, in their order. Apart, so that a decision looks at little.
    policies: Vec<Policy>,
}

/// Where the numbers of a policy are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// The id of the policy.
    policy: u64,
    /// The place of its numbers in an entry, and how many they are.
    at: u8,
    numbers: u8,
}

impl Shape {
    pub(super) fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// With the policies of the counts.
    pub(super) fn known(&self) -> impl Iterator<Item = (&Count, &Policy)> {
        self.counts.iter().zip(&self.policies)
    }

    #[inline]
    pub(super) fn find(&self, policy: &Policy) -> Option<&Count> {
        self.counts.iter().find(|count| count.is_of(policy))
    }

    /// Adds a count behind the others; returns where it is, none when its numbers do not fit.
    pub(super) fn push(&mut self, policy: &Policy) -> Option<Count> {
        let at = self.counts.last().map_or(0, |last| last.at + last.numbers);
        let count = Count { policy: policy.id(), at, numbers: Numbers::needed(policy)? };
        if usize::from(at + count.numbers) > Numbers::ROOM {
            return None;
        }
        self.counts.push(count);
        self.policies.push(policy.clone());
        Some(count)
    }
}

/// The policies of equal counts are equal.
impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.counts == other.counts
    }
}

impl Count {
    #[inline]
    pub(super) fn is_of(&self, policy: &Policy) -> bool {
        self.policy == policy.id()
    }

    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at.into()
    }

    /// Copies the count of one client to another place.
    pub(super) fn copy(&self, from: &Numbers, numbers: &mut Numbers, to: usize) {
        numbers.copy(to, from, self.at(), self.numbers.into());
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
