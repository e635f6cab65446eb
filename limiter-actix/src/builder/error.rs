use limiter_core::{ParseQuotaError, PolicyError};

/// Why a limiter could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A text is not a quota.
    #[error("a limit cannot be read: {0}")]
    Quota(#[from] ParseQuotaError),
    /// A limit cannot be.
    #[error("a limit cannot be: {0}")]
    Policy(#[from] PolicyError),
    /// A limit that code hits by its name must have a quota of its own.
    #[error("the limit named `{0}` is told by a function of the request: give it a quota")]
    DynamicNamedLimit(String),
    /// A pattern of paths cannot be read.
    #[error("the pattern `{pattern}` cannot be read: expected {expected}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What was expected.
        expected: &'static str,
    },
}
