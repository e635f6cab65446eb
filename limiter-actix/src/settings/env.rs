//! Reads settings from the environment, under the names of Flask-Limiter where it has them.

mod key;
mod proxies;
mod rules;
mod values;
mod variables;

use std::collections::BTreeMap;

use limiter_core::log::{event, shown, unthrottled};

pub(crate) use self::variables::PREFIX;
use self::{
    key::key,
    values::{
        ban_status, boolean, deadline, function_deadline, header, ipv6_prefix, key_form, key_forms,
        on_storage_failure, retry_after, strategy, time_zone,
    },
    variables::VariableReader,
};
use super::{
    leases::leases,
    partial::{HeaderNameOverrides, PartialSettings},
};
use crate::SettingSource;

/// The settings in the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) partial: PartialSettings,
    /// The variables without effect, with the reason.
    ignored: Vec<(String, String)>,
}

impl Environment {
    /// Reads variables, whose names come without [`PREFIX`].
    pub(crate) fn read(variables: BTreeMap<String, String>) -> Self {
        let mut reading = VariableReader::new(variables);
        let (of_switches, fallback) = reading.failing_storage();
        let partial = PartialSettings {
            source: SettingSource::Environment,
            enabled: reading.take("ENABLED", boolean),
            strategy: reading.take("STRATEGY", strategy),
            time_zone: reading.take("TIME_ZONE", time_zone),
            prefix: reading.take("KEY_PREFIX", |text| Ok(text.into())),
            storage: reading.storage("STORAGE_URI"),
            storage_deadline: reading.take("STORAGE_DEADLINE", deadline),
            key: reading.take("KEY", key),
            proxies: reading.proxies(),
            ipv6_prefix: reading.take("IPV6_PREFIX", ipv6_prefix),
            logged_addresses: reading.take("LOG_ADDRESSES", key_form),
            logged_kinds: reading.take("LOG_KEYS", key_forms).unwrap_or_default(),
            defaults: reading.tier("DEFAULT", "DEFAULTS_COST", None),
            per_method: reading.take("DEFAULTS_PER_METHOD", boolean),
            on_unmatched: reading.take("DEFAULTS_ON_UNMATCHED", boolean),
            on_preflight: reading.take("DEFAULTS_ON_PREFLIGHT", boolean),
            application: reading.tier("APPLICATION", "APPLICATION_COST", Some("APPLICATION_PER_METHOD")),
            meta: reading.limits("META", |limit| limit),
            headers: reading.headers(),
            names: HeaderNameOverrides {
                limit: reading.take("HEADER_LIMIT", header),
                remaining: reading.take("HEADER_REMAINING", header),
                reset: reading.take("HEADER_RESET", header),
                retry_after: reading.take("HEADER_RETRY_AFTER", header),
                fallback: reading.take("HEADER_FALLBACK", header),
            },
            retry_after: reading.take("HEADER_RETRY_AFTER_VALUE", retry_after),
            function_deadline: reading.take("FUNCTION_DEADLINE_MS", function_deadline),
            ban_status: reading.take("BAN_STATUS", ban_status),
            shows_ban_reason: reading.take("SHOW_BAN_REASON", boolean),
            on_storage_failure: reading.take("ON_STORAGE_FAILURE", on_storage_failure).or(of_switches),
            fallback,
            local_refusals: reading.take("LOCAL_REFUSALS", boolean),
            leases: reading.take("LEASES", boolean).map(leases),
            patterns: reading.rules(),
            ..PartialSettings::default()
        };
        let ignored = reading.ignored();
        Self {
            partial: PartialSettings {
                issues: reading.issues,
                parsed_limits: reading.parsed_limits,
                ..partial
            },
            ignored,
        }
    }

    /// Logs the variables without effect.
    pub(crate) fn warn_of_ignored(&self) {
        for (variable, reason) in &self.ignored {
            event!(
                unthrottled(Some("L020")),
                WARN,
                variable = variable.as_str(),
                reason = shown(reason),
                "ignoring an environment variable"
            );
        }
    }
}
