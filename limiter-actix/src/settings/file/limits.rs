//! Limits with their options.

use limiter_core::{BanRule, ParseQuotaError, ParseTimeZoneError, Quota, Quotas, Strategy, TimeZone};

use super::{
    option_value::OptionValue,
    reader::{Fields, Reader, Value},
};
use crate::{
    Limit, Limits, OnStorageFailure,
    limit::{options::option_table, place::LimitPlace, quota_source::Source},
    settings::partial::ParsedLimit,
};

/// Reads the options that the table lists for files.
macro_rules! read_options {
    ($($field:ident: $type:ty = $default:expr,
        attribute $attribute:literal, code $($setter:literal)+
        $(, file $file:literal)? $(, not [$($place:ident)+])?;)*) => {
        impl Reader<'_> {
            /// Returns a limit with the options in `fields`, whose quota is still to be set.
            fn options(&mut self, fields: &mut Fields<'_>) -> Limit {
                let mut limit = Limit::new(Quota::per_second(0));
                $($(
                    let value = fields.take($file).and_then(|it| OptionValue::read(it, self));
                    limit.$field = value.unwrap_or(limit.$field);
                )?)*
                limit
            }
        }
    };
}

option_table!(read_options);

impl Reader<'_> {
    /// Reads a text, a table with options, or several of these.
    pub(super) fn limits(&mut self, value: Value<'_>, place: LimitPlace) -> Limits {
        let mut limits = Vec::new();
        for value in value.each() {
            let parsed: Vec<Limit> = if value.node.get_ref().is_table() {
                self.limits_with_options(value)
            } else {
                self.quotas(value).into_iter().map(Limit::new).collect()
            };
            let origin = self.at(value.start());
            self.parsed_limits.extend(ParsedLimit::of(&parsed, &origin, place));
            limits.extend(parsed);
        }
        limits.into()
    }

    /// Reads the quotas of a text. An error in them is reported at its position in the text.
    pub(super) fn quotas(&mut self, value: Value<'_>) -> Vec<Quota> {
        let Some(text) = value.node.get_ref().as_str() else {
            self.expected(value, "limits such as `5/minute`");
            return Vec::new();
        };
        match text.parse::<Quotas>() {
            Ok(quotas) => quotas.as_slice().to_vec(),
            Err(error) => {
                self.error_in_text(value, &error);
                Vec::new()
            }
        }
    }

    /// Reads a rule that bans. An error in it is reported at its position in the text.
    pub(super) fn ban_rule(&mut self, value: Value<'_>) -> Option<BanRule> {
        let text = self.text(value)?;
        text.parse().map_err(|error| self.error_in_text(value, &error)).ok()
    }

    fn error_in_text(&mut self, value: Value<'_>, error: &ParseQuotaError) {
        let offset = if self.is_plain(value) { 1 + error.offset() } else { 0 };
        self.error(value.start() + offset, format!("`{}`: {error}", value.name));
    }

    fn limits_with_options(&mut self, value: Value<'_>) -> Vec<Limit> {
        let Some(mut fields) = self.table(value) else { return Vec::new() };
        let quotas = fields.take("limit").map(|it| self.quotas(it));
        if quotas.is_none() {
            self.error_in(value, "expected a `limit` in this table");
        }
        let options = self.options(&mut fields);
        self.reject_unknown(fields);
        let each = quotas.into_iter().flatten();
        each.map(|quota| Limit { source: Source::Fixed(quota), ..options.clone() }).collect()
    }

    pub(super) fn on_storage_failure(&mut self, value: Value<'_>) -> Option<OnStorageFailure> {
        let choices = [
            ("fallback", OnStorageFailure::Fallback),
            ("allow", OnStorageFailure::Allow),
            ("deny", OnStorageFailure::Deny),
        ];
        self.choice(value, &choices)
    }

    pub(super) fn time_zone(&mut self, value: Value<'_>) -> Option<TimeZone> {
        let zone = self.text(value)?.parse();
        let error = |error: ParseTimeZoneError| {
            self.error_in(value, format_args!("{error}, found {}", value.found()));
        };
        zone.map_err(error).ok()
    }

    pub(super) fn strategy(&mut self, value: Value<'_>) -> Option<Strategy> {
        self.choice(value, &Strategy::ALL.map(|strategy| (strategy.name(), strategy)))
    }
}
