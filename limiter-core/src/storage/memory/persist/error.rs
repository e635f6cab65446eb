use std::io;

/// An error for a file whose counts cannot be used; see [`MemoryStorage::load`](crate::storage::MemoryStorage::load).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadStateError {
    /// The file is not readable.
    #[error("the file is not readable: {0}")]
    Io(#[from] io::Error),
    /// The file is something else.
    #[error("the file has no state of a memory storage")]
    NoState,
    /// Another version of the library has written the file.
    #[error("version {0} of the format is not supported")]
    OtherVersion(u8),
    /// The file has been changed, or was not written to its end.
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
    /// The storage that was saved has another capacity, so that its entries have other places.
    #[error("the file is of a storage with another capacity")]
    OtherCapacity,
    /// The file is from the future, so that its windows would end too late.
    #[error("the file is more than a minute ahead of the clock, which was set back")]
    ClockSetBack,
    /// The hashes of this process have another secret, because it has used some before the file was read.
    #[error(
        "this process has made limits before it has read the file, so that its hashes differ from those in the file"
    )]
    HashesInUse,
}
