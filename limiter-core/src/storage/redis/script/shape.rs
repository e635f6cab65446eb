use smallvec::SmallVec;

use crate::Strategy;

/// The hits of a batch, as far as a script depends on them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct BatchShape(SmallVec<[HitShape; BatchShape::MAX_HITS]>);

/// A hit, as far as a script depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct HitShape {
    pub(in super::super) strategy: Strategy,
    /// Set if its windows end by the calendar.
    pub(in super::super) is_calendar: bool,
    /// The place of its key.
    pub(in super::super) key: u8,
    /// The place of the first hit on the same count.
    pub(in super::super) count: u8,
    pub(in super::super) role: HitRole,
}

/// The part that a hit has in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum HitRole {
    Guard,
    Limit,
    Shadow,
    OnRefusal {
        /// The limit that it depends on, among the limits.
        only_after: Option<u8>,
    },
}

impl BatchShape {
    /// The maximum number of hits, such as eight limits, a meta limit that guards them, and its hit on refusal.
    ///
    /// Each more makes the scripts longer, and a script may have 200 variables.
    pub(super) const MAX_HITS: usize = 10;

    /// The maximum number of keys, for the same reason.
    const MAX_KEYS: u8 = 4;

    /// Creates a shape, or returns `None` if no script is specialised for such a batch.
    ///
    /// That requires a count of its own for each guard and limit.
    pub(in super::super) fn of(hits: impl IntoIterator<Item = HitShape>) -> Option<Self> {
        let mut shape = SmallVec::new();
        for hit in hits {
            let is_new = usize::from(hit.count) == shape.len();
            let may_share = matches!(hit.role, HitRole::OnRefusal { .. });
            if shape.len() == Self::MAX_HITS || hit.key >= Self::MAX_KEYS || !(is_new || may_share) {
                return None;
            }
            shape.push(hit);
        }
        (!shape.is_empty()).then_some(Self(shape))
    }

    /// Returns the hits with their places.
    pub(super) fn hits(&self) -> impl Iterator<Item = (usize, HitShape)> {
        self.0.iter().copied().enumerate()
    }

    pub(super) fn of_role(
        &self,
        is_meant: impl Fn(HitRole) -> bool,
    ) -> impl Iterator<Item = (usize, HitShape)> {
        self.hits().filter(move |(_, hit)| is_meant(hit.role))
    }

    pub(super) fn guards(&self) -> impl Iterator<Item = (usize, HitShape)> {
        self.of_role(|role| role == HitRole::Guard)
    }

    pub(in super::super) fn limits(&self) -> impl Iterator<Item = (usize, HitShape)> {
        self.of_role(|role| matches!(role, HitRole::Limit | HitRole::Shadow))
    }

    /// Returns the first hit on each count, with its place.
    pub(super) fn counts(&self) -> impl Iterator<Item = (usize, HitShape)> {
        self.hits().filter(|(place, hit)| usize::from(hit.count) == *place)
    }

    /// Returns the first hit on each count of a key, with its place.
    pub(in super::super) fn counts_of(&self, key: u8) -> impl Iterator<Item = (usize, HitShape)> {
        self.counts().filter(move |(_, hit)| hit.key == key)
    }

    pub(in super::super) fn keys(&self) -> impl Iterator<Item = u8> {
        0..self.0.iter().map(|hit| hit.key + 1).max().unwrap_or(0)
    }

    /// Returns whether a key is that of a moving window.
    pub(in super::super) fn is_log(&self, key: u8) -> bool {
        self.counts_of(key).any(|(_, hit)| hit.strategy == Strategy::MovingWindow)
    }

    pub(in super::super) fn is_elastic(&self) -> bool {
        self.0.iter().any(|hit| hit.strategy == Strategy::FixedWindowElasticExpiry)
    }

    /// Returns whether windows of some hits end by the calendar.
    pub(super) fn has_calendar(&self) -> bool {
        self.0.iter().any(|hit| hit.is_calendar)
    }

    /// Returns the number of shadow limits.
    #[cfg(feature = "fuzz")]
    pub(in super::super) fn shadows(&self) -> usize {
        self.of_role(|role| role == HitRole::Shadow).count()
    }

    /// Returns the length of the part of a reply that has the same length for each verdict.
    pub(in super::super) fn reply_len(&self) -> usize {
        let len_of = |key| if self.is_log(key) { 32 } else { 16 + 32 * self.counts_of(key).count() };
        self.keys().map(len_of).sum()
    }
}
