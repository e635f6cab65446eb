//! Who decided a request, or why nothing did.

/// Who has decided. The greater one is shown where several have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DecidedBy {
    #[default]
    Storage,
    Skipped,
    /// While the storage failed.
    Memory,
}

/// Why a request could not be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecided {
    /// The storage failed, and no request is to pass undecided.
    StorageFailed,
    /// A function of the application could not tell a limit or a key.
    CallbackFailed,
}
