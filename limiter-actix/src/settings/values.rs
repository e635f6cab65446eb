//! The settings in force as texts, for operators.

use std::{path::PathBuf, time::Duration};

use actix_web::http::header::HeaderName;
use limiter_core::{
    KeyForm, KeyForms,
    storage::{MemoryStorage, Resilient},
};

use super::{
    Settings, backend::Backend, files::FileSettings, headers::HeaderSettings, path_pattern::PathPattern,
};
use crate::{Limits, RetryAfter, SettingSource, report::route_limits::quota_text};

/// The deadline of a storage by address without this setting.
const DEFAULT_DEADLINE: Duration = Resilient::<MemoryStorage>::DEFAULT_DEADLINE;

/// A setting with its value. Secrets are left out.
pub(crate) struct SettingValue {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) source: SettingSource,
}

/// A setting that only code has, with its value, and whether code sets it.
type CodeValue = (&'static str, String, bool);

impl Settings {
    /// Returns the settings in force. The tests of the inspector compare them with all options of the builder and of
    /// files.
    pub(crate) fn values(&self) -> Vec<SettingValue> {
        let names = self.limits_values().into_iter().chain(self.storage_values()).chain(self.client_values());
        let values = names.map(|(name, value)| SettingValue { name, value, source: self.sources.of(name) });
        let only_in_code = self.code_values().into_iter().chain(file_values(&self.files));
        let only_in_code = only_in_code.map(|(name, value, is_set)| {
            let source = if is_set { SettingSource::Code } else { SettingSource::Default };
            SettingValue { name, value, source }
        });
        values.chain(only_in_code).collect()
    }

    fn limits_values(&self) -> [(&'static str, String); 12] {
        let scopes =
            self.patterns.iter().filter(|rule| matches!(rule.pattern, PathPattern::Scope(_))).count();
        [
            ("enabled", self.enabled.to_string()),
            ("key_prefix", self.prefix.to_string()),
            ("strategy", self.strategy.to_string()),
            ("time_zone", self.time_zone.to_string()),
            ("default_limits", texts(&self.defaults.limits)),
            ("default_limits_per_method", self.defaults.per_method.to_string()),
            ("default_limits_on_unmatched", self.defaults.on_unmatched.to_string()),
            ("default_limits_on_preflight", self.defaults.on_preflight.to_string()),
            ("application_limits", texts(&self.application)),
            ("meta_limits", texts(&self.meta)),
            ("routes", count(self.patterns.len() - scopes, "rule")),
            ("scopes", count(scopes, "rule")),
        ]
    }

    fn storage_values(&self) -> [(&'static str, String); 6] {
        [
            ("storage_uri", self.storage_value()),
            ("storage_deadline", millis(self.storage_deadline.unwrap_or(DEFAULT_DEADLINE))),
            ("local_refusals", self.local_refusals.to_string()),
            ("leases", self.hot_leases.is_some().to_string()),
            ("on_storage_failure", format!("{:?}", self.failure.policy).to_lowercase()),
            ("in_memory_fallback", self.failure.limits.as_ref().map(texts).unwrap_or_default()),
        ]
    }

    fn client_values(&self) -> [(&'static str, String); 11] {
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
            ("header_names", header_names(&self.headers)),
            ("retry_after", retry_after(self.headers.retry_after).to_owned()),
            ("log_addresses", key_form(self.key_forms.of_addresses()).to_owned()),
            ("log_keys", kinds(&self.key_forms)),
            ("ban_status", self.banned.status.as_u16().to_string()),
            ("show_ban_reason", self.banned.shows_reason.to_string()),
        ]
    }

    fn code_values(&self) -> [CodeValue; 9] {
        let function = |name, is_set| (name, if is_set { "function" } else { "" }.to_owned(), is_set);
        [
            ("auto_check", self.auto_check.to_string(), !self.auto_check),
            ("request_filter", count(self.filters.len(), "function"), !self.filters.is_empty()),
            ("named_limit", count(self.named.len(), "limit"), !self.named.is_empty()),
            ("per_process", self.per_process.to_string(), self.per_process),
            ("top_clients", self.top.is_some().to_string(), self.top.is_some()),
            (
                "partition_keys",
                self.headers.partitions.is_some().to_string(),
                self.headers.partitions.is_some(),
            ),
            function("on_breach", self.on_breach.is_some()),
            function("on_meta_breach", self.on_meta_breach.is_some()),
            function("on_ban", self.banned.on_ban.is_some()),
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

fn file_values(files: &FileSettings) -> [CodeValue; 3] {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|it| it.display().to_string()).unwrap_or_default();
    let FileSettings { settings, reload_every, counts } = files;
    [
        ("from_file", path(settings), settings.is_some()),
        ("reload_every", reload_every.map(millis).unwrap_or_default(), reload_every.is_some()),
        ("persist", path(counts), counts.is_some()),
    ]
}

fn texts(limits: &Limits) -> String {
    limits.0.iter().map(|limit| quota_text(limit.source.quota())).collect::<Vec<_>>().join("; ")
}

fn count(number: usize, unit: &str) -> String {
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn header_names(HeaderSettings { names, fallback, .. }: &HeaderSettings) -> String {
    let names =
        [&names.limit, &names.remaining, &names.reset, &names.retry_after].into_iter().chain(fallback);
    names.map(HeaderName::as_str).collect::<Vec<_>>().join(", ")
}

fn retry_after(form: RetryAfter) -> &'static str {
    match form {
        RetryAfter::Seconds => "delta-seconds",
        RetryAfter::HttpDate => "http-date",
    }
}

fn key_form(form: KeyForm) -> &'static str {
    match form {
        KeyForm::Full => "full",
        KeyForm::Hashed => "hashed",
        KeyForm::Hidden => "hidden",
    }
}

fn kinds(forms: &KeyForms) -> String {
    let kinds = forms.of_kinds().map(|(kind, form)| format!("{kind} = {}", key_form(form)));
    kinds.collect::<Vec<_>>().join(", ")
}
