//! The settings in force as texts, for operators.

use super::{Settings, backend::Backend};
use crate::{Limits, SettingSource, report::route_limits::quota_text};

/// A setting with its value. Secrets are left out.
pub(crate) struct SettingValue {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) source: SettingSource,
}

impl Settings {
    /// Returns the settings in force.
    pub(crate) fn values(&self) -> Vec<SettingValue> {
        let code = |is_set: bool| if is_set { SettingSource::Code } else { SettingSource::Default };
        let names = self.limits_values().into_iter().chain(self.client_values());
        let values = names.map(|(name, value)| SettingValue { name, value, source: self.sources.of(name) });
        let only_in_code = [
            ("auto_check", self.auto_check.to_string(), code(!self.auto_check)),
            ("request_filter", count(self.filters.len(), "function"), code(!self.filters.is_empty())),
            ("named_limit", count(self.named.len(), "limit"), code(!self.named.is_empty())),
            ("per_process", self.per_process.to_string(), code(self.per_process)),
            ("top_clients", self.top.is_some().to_string(), code(self.top.is_some())),
            ("on_breach", function(self.on_breach.is_some()), code(self.on_breach.is_some())),
        ];
        values.chain(only_in_code.map(|(name, value, source)| SettingValue { name, value, source })).collect()
    }

    fn limits_values(&self) -> [(&'static str, String); 12] {
        [
            ("enabled", self.enabled.to_string()),
            ("key_prefix", self.prefix.to_string()),
            ("storage_uri", self.storage_value()),
            ("strategy", self.strategy.to_string()),
            ("default_limits", texts(&self.defaults.limits)),
            ("default_limits_per_method", self.defaults.per_method.to_string()),
            ("default_limits_on_unmatched", self.defaults.on_unmatched.to_string()),
            ("default_limits_on_preflight", self.defaults.on_preflight.to_string()),
            ("application_limits", texts(&self.application)),
            ("meta_limits", texts(&self.meta)),
            ("on_storage_failure", format!("{:?}", self.failure.policy).to_lowercase()),
            ("in_memory_fallback", self.failure.limits.as_ref().map(texts).unwrap_or_default()),
        ]
    }

    fn client_values(&self) -> [(&'static str, String); 9] {
        let headers = self.headers.which;
        let shown = [(headers.x_ratelimit, "x-ratelimit"), (headers.ietf_draft_11, "ietf-draft-11")];
        let shown: Vec<_> = shown.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect();
        let proxies = if self.address.proxies.is_some() { "set" } else { "none" };
        [
            ("key", if self.key.is_some() { "function" } else { "client address" }.to_owned()),
            ("function_deadline_ms", self.function_deadline.as_millis().to_string()),
            ("trusted_proxies", proxies.to_owned()),
            ("ipv6_prefix", self.address.ipv6_prefix.to_string()),
            ("headers", shown.join(", ")),
            ("retry_after", format!("{:?}", self.headers.retry_after).to_lowercase()),
            ("log_keys", format!("{:?}", self.key_forms)),
            ("ban_status", self.banned.status.as_u16().to_string()),
            ("show_ban_reason", self.banned.shows_reason.to_string()),
        ]
    }

    /// Returns the kind of storage and its servers. Its address may contain a password.
    fn storage_value(&self) -> String {
        match &self.storage {
            Backend::Memory(_) => "memory".to_owned(),
            Backend::Remote { storage, .. } => storage.servers().unwrap_or_else(|| "remote".to_owned()),
        }
    }
}

fn texts(limits: &Limits) -> String {
    limits.0.iter().map(|limit| quota_text(limit.source.quota())).collect::<Vec<_>>().join("; ")
}

fn count(number: usize, unit: &str) -> String {
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

fn function(is_set: bool) -> String {
    if is_set { "function" } else { "" }.to_owned()
}
