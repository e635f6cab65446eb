//! What happens while the storage fails.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::Limits;

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

/// Who has decided. The greater one is shown where several have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DecidedBy {
    #[default]
    Storage,
    Nobody,
    /// While the storage failed.
    Memory,
}

impl DecidedBy {
    /// What the header says that tells who has decided while the storage failed.
    fn in_header(self) -> Option<HeaderValue> {
        match self {
            Self::Storage => None,
            Self::Nobody => Some(HeaderValue::from_static("none")),
            Self::Memory => Some(HeaderValue::from_static("memory")),
        }
    }

    /// Sets the header. Where a limiter further in has said that memory decided, that is left.
    pub(crate) fn show(self, name: &HeaderName, headers: &mut HeaderMap) {
        if let Some(value) = self.in_header()
            && (self == Self::Memory || !headers.contains_key(name))
        {
            headers.insert(name.clone(), value);
        }
    }
}

/// Why a request could not be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecided {
    /// The storage failed, and no request is to pass undecided.
    Storage,
    /// A function of the application could not tell a limit or a key.
    Function,
}

/// What a limiter was told of a failing storage.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailureSettings {
    /// For limits that do not say so themselves.
    pub(crate) policy: OnStorageFailure,
    /// What holds in place of the limits that would be decided in memory.
    pub(crate) limits: Option<Limits>,
}
