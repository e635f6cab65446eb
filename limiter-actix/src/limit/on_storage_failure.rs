//! The policy for storage failures.

/// The policy of a limit while its storage fails.
///
/// If any limit of a request denies, the response is 503. Otherwise the limits that allow are skipped, and memory
/// decides the others together.
///
/// ```
/// use limiter_actix::{Limit, Limiter, OnStorageFailure, Quota};
///
/// let limiter = Limiter::builder()
///     .default_limits("60/minute")
///     .on_storage_failure(OnStorageFailure::Allow)
///     .route("POST /login", Limit::new(Quota::per_minute(5)).on_storage_failure(OnStorageFailure::Deny))
///     .build()?;
/// # let _ = limiter;
/// # Ok::<(), limiter_actix::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnStorageFailure {
    /// The limit is decided in the memory of this process, with separate counts that start at zero.
    #[default]
    Fallback,
    /// The request passes this limit without a check.
    Allow,
    /// The request gets 503.
    Deny,
}
