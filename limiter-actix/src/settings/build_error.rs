//! Errors of `LimiterBuilder::build`.

use std::fmt;

use limiter_core::{ParseQuotaError, PolicyError, Quota};

use super::config_error::ConfigError;
use crate::TrustedProxiesError;

/// An error in the settings of a limiter.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A text is not in the notation of quotas.
    #[error("invalid quota: {0}")]
    Quota(#[from] ParseQuotaError),
    /// A limit has a burst or a strategy that is not supported.
    #[error("invalid limit: {0}")]
    Policy(#[from] PolicyError),
    /// The quotas of a named limit are computed from the request.
    #[error("invalid named limit `{0}`: expected a fixed quota, found a dynamic limit")]
    DynamicNamedLimit(String),
    /// A limit has an option that has no effect where the limit stands.
    #[error("invalid option `{option}`: it has no effect on {place} limits")]
    OptionWithoutEffect {
        /// The name of the option, as a method of [`Limit`](crate::Limit).
        option: &'static str,
        /// The limits: `meta`, `application`, `default`, `outage` or `named`.
        place: &'static str,
    },
    /// A limit of concurrent requests stands where no request is under way.
    #[error("invalid limit `{quota}`: {place} limits count hits, and not the requests that are under way")]
    ConcurrentElsewhere {
        /// The quota.
        quota: Quota,
        /// The limits: `meta` or `named`.
        place: &'static str,
    },
    /// An option of a limit has an invalid value.
    #[error("invalid option {0}")]
    Option(String),
    /// The trusted proxies are invalid.
    #[error("invalid trusted proxies: {0}")]
    TrustedProxies(#[from] TrustedProxiesError),
    /// The prefix length of IPv6 addresses is out of range.
    #[error("invalid `ipv6_prefix`: expected 32 to 128 bits, found {0}")]
    Ipv6Prefix(u8),
    /// The environment or the file has errors.
    #[error("invalid configuration:\n{0}")]
    Config(#[from] ConfigError),
    /// `reload_every` is set, or `reload` was called, without a file.
    #[cfg(feature = "config-file")]
    #[error("no file to reload: set `LimiterBuilder::from_file`")]
    NoFile,
    /// The address of a storage is invalid, or not supported by the enabled features.
    #[error("invalid storage `{scheme}`: {reason}")]
    StorageUri {
        /// The part before `://`. The rest may contain a password.
        scheme: String,
        /// The reason.
        reason: String,
    },
    /// Counts are to be kept in a file, although another storage keeps them.
    #[error("invalid `persist`: it has no effect, because the counts are not in the memory of this process")]
    PersistWithoutEffect,
    /// Counts cannot be kept in a file.
    #[error("invalid `persist`: {0}")]
    Persist(String),
    /// A path pattern is invalid.
    #[error("invalid pattern `{pattern}`: expected {expected}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The expected form.
        expected: &'static str,
    },
}

/// As `Display`, so that `main() -> Result<(), Box<dyn Error>>` prints readable lines.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl BuildError {
    /// Returns the reason for an issue that names the setting itself.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Pattern { expected, .. } => format!("expected {expected}"),
            Self::StorageUri { scheme, reason } => format!("the storage `{scheme}`: {reason}"),
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Limiter;

    #[test]
    fn debug_is_display() {
        let builder = Limiter::builder().default_limits("5/mintue").ipv6_prefix(7);
        let error = builder.build().expect_err("two settings are invalid");
        assert_eq!(format!("{error:?}"), error.to_string());
        assert_eq!(format!("{error:#?}").lines().count(), 3, "{error:#?}");
    }
}
