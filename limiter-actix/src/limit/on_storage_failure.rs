//! What happens while the storage fails.

/// What a limit does when the storage that keeps its counts fails.
///
/// Of all limits of a request, one that denies decides; else those that allow drop out, and the others are
/// decided in memory together.
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
    /// It is decided in the memory of this process, with counts of its own that start at zero.
    #[default]
    Fallback,
    /// It does not hold.
    Allow,
    /// The request is answered 503.
    Deny,
}
