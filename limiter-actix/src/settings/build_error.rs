use std::fmt;

use limiter_core::{ParseQuotaError, PolicyError};

use super::config_error::ConfigError;
use crate::TrustedProxiesError;

/// Why a limiter could not be built.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
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
    /// Two limits for code to hit have the same name.
    #[error("two limits are named `{0}`")]
    TwoNamedLimits(String),
    /// A named limit is taken from by hand: no response tells whether to deduct.
    #[error("the limit named `{0}` has a `deduct_when`, but what is taken by hand has no response to ask")]
    DeductByHand(String),
    /// The trusted proxies cannot be.
    #[error("the trusted proxies cannot be: {0}")]
    TrustedProxies(#[from] TrustedProxiesError),
    /// IPv6 addresses cannot be grouped by so many bits.
    #[error("IPv6 addresses cannot be grouped by {0} bits: expected 32 to 128")]
    Ipv6Prefix(u8),
    /// The settings in the environment or in a file cannot be.
    #[error("the settings cannot be:\n{0}")]
    Config(#[from] ConfigError),
    /// There is no file to read again.
    #[cfg(feature = "config-file")]
    #[error("there is no file to read again: name one with `LimiterBuilder::from_file`")]
    NoFile,
    /// The address of a storage cannot be used.
    #[error("the storage `{scheme}` cannot be used: {reason}")]
    StorageUri {
        /// What stands before `://`; the rest may hold a password.
        scheme: String,
        /// Why.
        reason: String,
    },
    /// A pattern of paths cannot be read.
    #[error("the pattern `{pattern}` cannot be read: expected {expected}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What was expected.
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
