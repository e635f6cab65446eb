//! Keys.

use std::sync::Arc;

use actix_web::http::header::HeaderName;
use limiter_core::Key;

use super::reader::{Fields, Reader, Value, all_of};
use crate::{
    key::address::IPV6_PREFIXES,
    limit::callback::{Callback, KeyFn},
    settings::key_source::{KeyOfValue, PLAIN, WITH_VALUE},
};

impl Reader<'_> {
    /// Reads a name, or a table with one key, and further ones in `and` and `or_else`.
    pub(super) fn key(&mut self, value: Value<'_>) -> Option<KeyFn> {
        if !value.node.get_ref().is_table() {
            return self.named_key(value);
        }
        let mut fields = self.table(value)?;
        let first = self.first_key(value, &mut fields);
        let second = fields.take("and").map(|it| self.key(it));
        let alternative = fields.take("or_else").map(|it| self.key(it));
        self.reject_unknown(fields);
        let mut key = first?;
        if let Some(second) = second {
            key = both(key, second?);
        }
        match alternative {
            Some(alternative) => Some(or_else(key, alternative?)),
            None => Some(key),
        }
    }

    fn named_key(&mut self, value: Value<'_>) -> Option<KeyFn> {
        if value.node.get_ref().is_str() {
            return Some(Callback(Arc::new(self.choice(value, &PLAIN)?)));
        }
        let names = PLAIN.map(|(name, _)| format!("`{name}`"));
        self.expected(value, &format!("{} or a table", names.join(", ")));
        None
    }

    /// Reads the one key that a table begins with, and folds its texts if the table requires it.
    fn first_key(&mut self, value: Value<'_>, fields: &mut Fields<'_>) -> Option<KeyFn> {
        let inner = fields.take("key").map(|it| self.key(it));
        let of_values = WITH_VALUE.map(|known| fields.take(known.name).map(|it| self.key_of(it, known)));
        let mut keys: Vec<_> = of_values.into_iter().chain([inner]).flatten().collect();
        let fold_case = fields.take("fold_case").and_then(|it| self.boolean(it));
        let fold_blanks = fields.take("fold_blanks").and_then(|it| self.boolean(it));
        if keys.len() != 1 {
            let names = ["key"].into_iter().chain(WITH_VALUE.map(|known| known.name));
            self.error_in(value, format_args!("expected one of {} in this table", all_of(names)));
            return None;
        }
        let key = keys.pop()??;
        let key = if fold_case == Some(true) { folded(key, Key::fold_case) } else { key };
        Some(if fold_blanks == Some(true) { folded(key, Key::fold_blanks) } else { key })
    }

    fn key_of(&mut self, value: Value<'_>, known: KeyOfValue) -> Option<KeyFn> {
        let node = value.node.get_ref();
        let text = match node.as_integer().filter(|_| known.is_number) {
            Some(number) => {
                u64::from_str_radix(number.as_str(), number.radix()).ok().map(|it| it.to_string())
            }
            None => node.as_str().filter(|_| !known.is_number).map(str::to_owned),
        };
        let key = (known.make)(&text.unwrap_or_default());
        key.map_err(|error| self.error_in(value, error.about(value.found()))).ok()
    }

    pub(super) fn header_name(&mut self, value: Value<'_>) -> Option<HeaderName> {
        let name = value.node.get_ref().as_str().and_then(|text| HeaderName::try_from(text).ok());
        if name.is_none() {
            self.expected(value, "a header name");
        }
        name
    }

    pub(super) fn ipv6_prefix(&mut self, value: Value<'_>) -> Option<u8> {
        let range = u64::from(*IPV6_PREFIXES.start())..=u64::from(*IPV6_PREFIXES.end());
        self.number(value, range).and_then(|bits| bits.try_into().ok())
    }
}

fn folded(key: KeyFn, fold: fn(Key) -> Key) -> KeyFn {
    Callback(Arc::new(move |req| fold(key(req))))
}

fn both(one: KeyFn, other: KeyFn) -> KeyFn {
    Callback(Arc::new(move |req| one(req).and(other(req))))
}

fn or_else(one: KeyFn, other: KeyFn) -> KeyFn {
    Callback(Arc::new(move |req| one(req).or_else(|| other(req))))
}
