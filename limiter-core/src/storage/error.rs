use std::{error::Error, fmt};

/// Why a storage could not answer.
///
/// It is for the operator's log; a client learns only that the storage failed.
#[derive(Debug)]
pub struct StorageError {
    message: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// Creates an error from a sentence that says what could not be done.
    #[must_use]
    pub const fn new(message: &'static str) -> Self {
        Self { message, source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) const fn polled_after_ready() -> Self {
        Self::new("the answer of the storage was taken twice")
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
