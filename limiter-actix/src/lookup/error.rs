use std::{sync::Arc, time::Duration};

/// The error of a [`Lookup`](crate::Lookup) of a key that has no last value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The source failed for this reason, or panicked.
    #[error("the lookup failed: {0}")]
    Failed(Arc<str>),
    /// The source did not answer in time.
    #[error("the lookup did not answer within {0:?}")]
    Late(Duration),
    /// As many lookups are under way as may be.
    #[error("{0} lookups are under way already")]
    Busy(usize),
    /// The key is longer than this many bytes, so that it is not kept in memory.
    #[error("the key is longer than {0} bytes")]
    LongKey(usize),
    /// The runtime that the lookup ran in has ended.
    #[error("the lookup was dropped, since its worker has ended")]
    Dropped,
}
