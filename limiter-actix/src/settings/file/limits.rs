//! Limits and their options.

use std::num::NonZeroU64;

use actix_web::http::Method;
use limiter_core::{Quota, Quotas, Strategy};

use super::reader::{Fields, Reader, Value};
use crate::{
    Limit, Limits, OnStorageFailure,
    limit::{
        callback::{Cost, Text},
        quota_source::Source,
    },
};

impl Reader<'_> {
    /// A text, a table with options, or several of these.
    pub(super) fn limits(&mut self, value: Value<'_>) -> Limits {
        let mut limits = Vec::new();
        for value in value.each() {
            let read: Vec<Limit> = if value.node.get_ref().is_table() {
                self.limits_with_options(value)
            } else {
                self.quotas(value).into_iter().map(Limit::new).collect()
            };
            let at = self.at(value.start());
            self.parsed_limits.extend(read.iter().map(|limit| (at.clone(), limit.clone())));
            limits.extend(read);
        }
        limits.into()
    }

    /// The quotas of a text. Where one cannot be read, that is told at its place in the text.
    fn quotas(&mut self, value: Value<'_>) -> Vec<Quota> {
        let Some(text) = value.node.get_ref().as_str() else {
            self.expected(value, "limits such as `5/minute`");
            return Vec::new();
        };
        match text.parse::<Quotas>() {
            Ok(quotas) => quotas.as_slice().to_vec(),
            Err(error) => {
                let offset = if self.is_plain(value) { 1 + error.offset() } else { 0 };
                self.error(value.start() + offset, format!("`{}`: {error}", value.name));
                Vec::new()
            }
        }
    }

    fn limits_with_options(&mut self, value: Value<'_>) -> Vec<Limit> {
        let Some(mut fields) = self.table(value) else { return Vec::new() };
        let quotas = fields.take("limit").map(|it| self.quotas(it));
        if quotas.is_none() {
            self.error(value.start(), format!("`{}`: expected a `limit` in this table", value.name));
        }
        let options = self.options(&mut fields);
        self.reject_unknown(fields);
        let each = quotas.into_iter().flatten();
        each.map(|quota| Limit { source: Source::Fixed(quota), ..options.clone() }).collect()
    }

    /// A limit with these options, of no quota yet.
    fn options(&mut self, fields: &mut Fields<'_>) -> Limit {
        let mut limit = Limit::new(Quota::per_second(0));
        limit.key = fields.take("key").and_then(|it| self.key(it));
        if let Some(cost) = fields.take("cost").and_then(|it| self.number(it, 0..=u64::MAX)) {
            limit.cost = Cost::Fixed(cost);
        }
        let burst = fields.take("burst").and_then(|it| self.number(it, 1..=u64::MAX));
        limit.burst = burst.and_then(NonZeroU64::new);
        limit.strategy = fields.take("strategy").and_then(|it| self.strategy(it));
        limit.methods = fields.take("methods").map(|it| self.methods(it)).unwrap_or_default();
        limit.name = fields.take("name").and_then(|it| self.text(it)).map(Into::into);
        let fixed = |text: &str| Text::Fixed(text.into());
        limit.message = fields.take("error_message").and_then(|it| self.text(it)).map(fixed);
        limit.shared = fields.take("scope").and_then(|it| self.text(it)).map(fixed);
        limit.meta = fields.take("meta").map(|it| self.all_quotas(it)).unwrap_or_default();
        limit.on_storage_failure =
            fields.take("on_storage_failure").and_then(|it| self.on_storage_failure(it));
        let mut switch = |name, switch: &mut bool| {
            *switch = fields.take(name).and_then(|it| self.boolean(it)).unwrap_or(*switch);
        };
        switch("per_method", &mut limit.per_method);
        switch("override_defaults", &mut limit.override_defaults);
        switch("shadow", &mut limit.shadow);
        switch("refund_on_drop", &mut limit.refund_on_drop);
        limit
    }

    fn all_quotas(&mut self, value: Value<'_>) -> Vec<Quota> {
        value.each().into_iter().flat_map(|value| self.quotas(value)).collect()
    }

    fn methods(&mut self, value: Value<'_>) -> Vec<Method> {
        let is_upper_case = |text: &&str| !text.bytes().any(|byte| byte.is_ascii_lowercase());
        let method = |value: Value<'_>| {
            let text = value.node.get_ref().as_str().filter(is_upper_case);
            let method = text.and_then(|text| Method::from_bytes(text.as_bytes()).ok());
            if method.is_none() {
                self.expected(value, "a method in upper case, such as `GET`");
            }
            method
        };
        value.each().into_iter().filter_map(method).collect()
    }

    pub(super) fn on_storage_failure(&mut self, value: Value<'_>) -> Option<OnStorageFailure> {
        let choices = [
            ("fallback", OnStorageFailure::Fallback),
            ("allow", OnStorageFailure::Allow),
            ("deny", OnStorageFailure::Deny),
        ];
        self.choice(value, &choices)
    }

    pub(super) fn strategy(&mut self, value: Value<'_>) -> Option<Strategy> {
        self.choice(value, &Strategy::ALL.map(|strategy| (strategy.name(), strategy)))
    }
}
