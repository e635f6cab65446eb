//! Settings about client addresses: trusted proxies, and addresses in logs.

use limiter_core::KeyForm;

use super::reader::{Fields, Reader, Value};
use crate::{TrustedProxies, TrustedProxiesError};

impl Reader<'_> {
    /// Reads `none`, or a table.
    pub(super) fn proxies(&mut self, value: Value<'_>) -> Option<TrustedProxies> {
        if value.node.get_ref().as_str() == Some("none") {
            return Some(TrustedProxies::none());
        }
        if !value.node.get_ref().is_table() {
            self.expected(value, "`none` or a table");
            return None;
        }
        let mut fields = self.table(value)?;
        let header = fields.take("header").map(|it| self.header_name(it));
        if header.is_none() {
            self.error_in(value, "expected a `header` in this table, such as `X-Forwarded-For`");
        }
        let proxies = header.flatten().map(|name| TrustedProxies::header(name.as_str()));
        let proxies = self.trusted(proxies.unwrap_or_else(TrustedProxies::x_forwarded_for), &mut fields);
        self.reject_unknown(fields);
        self.check_proxies(value, &proxies);
        Some(proxies)
    }

    fn trusted(&mut self, mut proxies: TrustedProxies, fields: &mut Fields<'_>) -> TrustedProxies {
        if let Some(value) = fields.take("networks") {
            let networks: Vec<_> = value.each().into_iter().filter_map(|it| self.network(it)).collect();
            proxies = proxies.networks(networks);
        }
        if let Some(hops) = fields.take("hops").and_then(|it| self.number(it, 1..=64)) {
            proxies = proxies.hops(usize::try_from(hops).unwrap_or(64));
        }
        if let Some(trusted) = fields.take("unix_sockets").and_then(|it| self.boolean(it)) {
            proxies = proxies.unix_sockets(trusted);
        }
        proxies
    }

    fn network<'v>(&mut self, value: Value<'v>) -> Option<&'v str> {
        let text = value.node.get_ref().as_str();
        let is_network =
            |text: &&str| TrustedProxies::x_forwarded_for().networks([*text]).hops(1).check().is_ok();
        let network = text.filter(is_network);
        if network.is_none() {
            self.expected(value, "a network such as `10.0.0.0/8` or `fd00::1`");
        }
        network
    }

    /// Reports that no proxy is trusted. Errors in single values are reported already.
    fn check_proxies(&mut self, value: Value<'_>, proxies: &TrustedProxies) {
        if proxies.check() == Err(TrustedProxiesError::Nobody) {
            self.error_in(value, "expected `networks`, `hops` or `unix_sockets` in this table");
        }
    }

    /// Reads a table of kinds of keys and their forms.
    pub(super) fn key_forms(&mut self, value: Value<'_>) -> Vec<(Box<str>, KeyForm)> {
        let fields = self.table(value).map(Fields::all).unwrap_or_default();
        fields.into_iter().filter_map(|(_, it)| Some((it.name.into(), self.key_form(it)?))).collect()
    }

    pub(super) fn key_form(&mut self, value: Value<'_>) -> Option<KeyForm> {
        let choices = [("full", KeyForm::Full), ("hashed", KeyForm::Hashed), ("hidden", KeyForm::Hidden)];
        self.choice(value, &choices)
    }
}
