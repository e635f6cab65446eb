//! Settings from the environment, under the names that Flask-Limiter reads.

mod values;
mod variables;

use std::collections::BTreeMap;

pub(crate) use self::variables::PREFIX;
use self::{
    values::{boolean, header, retry_after, strategy},
    variables::VariableReader,
};
use super::partial::{HeaderNameOverrides, PartialSettings};
use crate::Headers;

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) partial: PartialSettings,
    /// What is to be said of variables that are not known.
    unknown: Vec<(String, String)>,
}

impl Environment {
    /// Reads variables, named without the prefix that all have.
    pub(crate) fn read(variables: BTreeMap<String, String>) -> Self {
        let mut reading = VariableReader::new(variables);
        let (on_storage_failure, fallback) = reading.failing_storage();
        let partial = PartialSettings {
            enabled: reading.take("ENABLED", boolean),
            strategy: reading.take("STRATEGY", strategy),
            prefix: reading.take("KEY_PREFIX", |text| Ok(text.into())),
            storage: reading.storage("STORAGE_URI"),
            defaults: reading.tier("DEFAULT", "DEFAULTS_COST", None),
            per_method: reading.take("DEFAULTS_PER_METHOD", boolean),
            application: reading.tier("APPLICATION", "APPLICATION_COST", Some("APPLICATION_PER_METHOD")),
            meta: reading.limits("META", |limit| limit),
            headers: reading.take("HEADERS_ENABLED", boolean).map(Headers::from),
            names: HeaderNameOverrides {
                limit: reading.take("HEADER_LIMIT", header),
                remaining: reading.take("HEADER_REMAINING", header),
                reset: reading.take("HEADER_RESET", header),
                retry_after: reading.take("HEADER_RETRY_AFTER", header),
                ..HeaderNameOverrides::default()
            },
            retry_after: reading.take("HEADER_RETRY_AFTER_VALUE", retry_after),
            on_storage_failure,
            fallback,
            ..PartialSettings::default()
        };
        let unknown = reading.unknown();
        Self {
            partial: PartialSettings {
                issues: reading.issues,
                parsed_limits: reading.parsed_limits,
                ..partial
            },
            unknown,
        }
    }

    /// Says which variables are not known.
    pub(crate) fn warn_of_unknown(&self) {
        for (variable, what) in &self.unknown {
            tracing::warn!(code = "L020", variable, "a variable of the environment is not read: {what}");
        }
    }
}
