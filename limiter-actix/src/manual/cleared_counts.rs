/// The counts of a client that [`Limiter::clear_all`](crate::Limiter::clear_all) has cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClearedCounts {
    /// All counts of the client.
    All,
    /// The counts of the limits that this process knows, because the storage has no way to find others.
    #[non_exhaustive]
    KnownLimits {
        /// The number of these limits.
        limits: usize,
    },
}

impl ClearedCounts {
    pub(super) fn new(is_all: bool, limits: usize) -> Self {
        if is_all { Self::All } else { Self::KnownLimits { limits } }
    }
}
