/// When a count is as good as new, and whether it is spent until then, in one word.
///
/// The lowest bit of the nanoseconds makes way for the flag; it is rounded up, so that no count is forgotten
/// before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expiry(u64);

const SPENT: u64 = 1;

impl Expiry {
    pub(super) fn new(nanos: u64, spent: bool) -> Self {
        Self(nanos.saturating_add(1) & !SPENT | u64::from(spent))
    }

    pub(super) fn has_passed(self, now: u64) -> bool {
        self.0 & !SPENT <= now
    }

    /// Orders what should leave first: unspent counts by their end, then spent ones by their end.
    pub(super) fn rank(self) -> (bool, u64) {
        (self.0 & SPENT != 0, self.0)
    }
}
