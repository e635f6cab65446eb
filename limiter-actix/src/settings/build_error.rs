//! Errors of `LimiterBuilder::build`.

use limiter_core::{ParseQuotaError, PolicyError};

use super::config_error::ConfigError;
use crate::TrustedProxiesError;

/// An error in the settings of a limiter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// Two named limits have the same name.
    #[error("invalid named limit `{0}`: another named limit has the same name")]
    TwoNamedLimits(String),
    /// A named limit has `deduct_when`, although manual hits have no response.
    #[error("invalid named limit `{0}`: `deduct_when` requires a response, and manual hits have none")]
    DeductByHand(String),
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
    /// A path pattern is invalid.
    #[error("invalid pattern `{pattern}`: expected {expected}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The expected form.
        expected: &'static str,
    },
}
