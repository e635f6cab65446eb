//! The settings at the top level of the file.

use std::time::Duration;

use toml::de::DeTable;

use super::reader::{Fields, Reader, Value};
use crate::{
    SettingSource,
    limit::place::LimitPlace,
    settings::{
        function_deadline::FUNCTION_DEADLINES,
        leases::leases,
        partial::{PartialSettings, StorageLocation},
        storage_deadline,
    },
};

impl Reader<'_> {
    pub(super) fn top(mut self, table: &DeTable<'_>) -> PartialSettings {
        let mut fields = Fields::new(table);
        let mut partial = PartialSettings {
            source: SettingSource::File,
            enabled: fields.take("enabled").and_then(|it| self.boolean(it)),
            prefix: fields.take("key_prefix").and_then(|it| self.text(it)).map(Into::into),
            storage: fields.take("storage_uri").and_then(|it| self.storage(it)),
            storage_deadline: fields.take("storage_deadline").and_then(|it| self.storage_deadline(it)),
            strategy: fields.take("strategy").and_then(|it| self.strategy(it)),
            time_zone: fields.take("time_zone").and_then(|it| self.time_zone(it)),
            key: fields.take("key").and_then(|it| self.key(it)),
            function_deadline: fields.take("function_deadline_ms").and_then(|it| self.milliseconds(it)),
            proxies: fields.take("trusted_proxies").and_then(|it| self.proxies(it)),
            ipv6_prefix: fields.take("ipv6_prefix").and_then(|it| self.ipv6_prefix(it)),
            logged_addresses: fields.take("log_addresses").and_then(|it| self.key_form(it)),
            logged_kinds: fields.take("log_keys").map(|it| self.key_forms(it)).unwrap_or_default(),
            headers: fields.take("headers").and_then(|it| self.headers(it)),
            names: fields.take("header_names").and_then(|it| self.header_names(it)).unwrap_or_default(),
            retry_after: fields.take("retry_after").and_then(|it| self.retry_after(it)),
            defaults: fields.take("default_limits").map(|it| self.limits(it, LimitPlace::Default)),
            per_method: fields.take("default_limits_per_method").and_then(|it| self.boolean(it)),
            on_unmatched: fields.take("default_limits_on_unmatched").and_then(|it| self.boolean(it)),
            on_preflight: fields.take("default_limits_on_preflight").and_then(|it| self.boolean(it)),
            application: fields.take("application_limits").map(|it| self.limits(it, LimitPlace::Application)),
            meta: fields.take("meta_limits").map(|it| self.limits(it, LimitPlace::Meta)),
            on_storage_failure: fields.take("on_storage_failure").and_then(|it| self.on_storage_failure(it)),
            fallback: fields.take("in_memory_fallback").map(|it| self.limits(it, LimitPlace::Outage)),
            ban_status: fields.take("ban_status").and_then(|it| self.ban_status(it)),
            shows_ban_reason: fields.take("show_ban_reason").and_then(|it| self.boolean(it)),
            local_refusals: fields.take("local_refusals").and_then(|it| self.boolean(it)),
            leases: fields.take("leases").and_then(|it| self.boolean(it)).map(leases),
            patterns: self.rules(&mut fields),
            ..PartialSettings::default()
        };
        self.reject_unknown(fields);
        partial.issues = self.issues;
        partial.parsed_limits = self.parsed_limits;
        partial
    }

    fn milliseconds(&mut self, value: Value<'_>) -> Option<Duration> {
        self.number(value, FUNCTION_DEADLINES).map(Duration::from_millis)
    }

    /// Reads the address of a storage. It is checked when the storage is built.
    fn storage(&mut self, value: Value<'_>) -> Option<StorageLocation> {
        let uri = self.text(value)?.to_owned();
        Some(StorageLocation::Uri(uri, self.at(value.start())))
    }

    fn storage_deadline(&mut self, value: Value<'_>) -> Option<Duration> {
        let deadline = value.node.get_ref().as_str().and_then(storage_deadline::parse);
        if deadline.is_none() {
            self.expected(value, storage_deadline::EXPECTED);
        }
        deadline
    }
}
