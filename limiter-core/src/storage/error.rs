use std::{error::Error, fmt};

/// An error of a storage.
///
/// It is meant for the log of the operator. Responses to clients reveal only that the storage failed.
#[derive(Debug)]
pub struct StorageError {
    message: &'static str,
    /// `false` if the storage was not called.
    is_of_call: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// Creates an error from a message that describes the failure.
    #[must_use]
    pub const fn new(message: &'static str) -> Self {
        Self { message, is_of_call: true, source: None }
    }

    /// The error of a call that was not made, since the circuit is open.
    #[cfg(feature = "remote")]
    pub(super) const CIRCUIT_OPEN: Self = Self {
        message: "circuit open: waiting for the storage to answer a probe",
        is_of_call: false,
        source: None,
    };

    /// Returns whether the storage was called. It was not if a circuit breaker is open.
    pub fn is_of_call(&self) -> bool {
        self.is_of_call
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the error and its causes in one line, for a log.
    pub fn with_causes(&self) -> impl fmt::Display + '_ {
        WithCauses(self)
    }

    pub(super) const fn no_notes() -> Self {
        Self::new(
            "this storage keeps no notes, such as bans; those on Redis, MongoDB, memcached and in memory do",
        )
    }

    pub(super) const fn no_leases() -> Self {
        Self::new(
            "this storage counts no concurrent requests; those on Redis, Valkey, MongoDB and in memory do",
        )
    }

    pub(super) const fn polled_after_ready() -> Self {
        Self::new("the answer of the storage was polled after it was ready")
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

struct WithCauses<'a>(&'a StorageError);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut cause = self.0.source();
        for _ in 0..MAX_CAUSES {
            let Some(error) = cause else { break };
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// The maximum number of causes shown. An error that is its own cause has no end of them.
const MAX_CAUSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_causes_are_shown() {
        let refused = std::io::Error::other(StorageError::new("connection refused"));
        let error = StorageError::new("the server could not be reached").with_source(refused);
        assert_eq!(error.with_causes().to_string(), "the server could not be reached: connection refused");
        assert_eq!(StorageError::new("it failed").with_causes().to_string(), "it failed");
    }
}
