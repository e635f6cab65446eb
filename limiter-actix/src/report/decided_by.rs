//! The origin of a decision, or the reason why there is none.

/// The origin of a decision. If several decided, the greatest is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DecidedBy {
    #[default]
    Storage,
    /// All limits were skipped.
    Skipped,
    /// Memory, while the storage failed.
    Memory,
}

/// The reason why a request was not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecided {
    /// The storage failed, and a limit denies undecided requests.
    StorageFailed,
    /// A dynamic limit or a key function of the application returned an error.
    CallbackFailed,
}
