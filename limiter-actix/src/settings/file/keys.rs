//! Keys.

use std::sync::Arc;

use actix_web::{dev::ServiceRequest, http::header::HeaderName};
use limiter_core::Key;

use super::reader::{Fields, Reader, Value};
use crate::{
    key::{self, address::IPV6_PREFIXES},
    limit::callback::{Callback, KeyFn},
};

type PlainKey = fn(&ServiceRequest) -> Key;

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
        const NAMED: [(&str, PlainKey); 3] = [
            ("client_address", key::client_address),
            ("peer_address", key::peer_address),
            ("bearer_token", key::bearer_token),
        ];
        if value.node.get_ref().is_str() {
            return Some(Callback(Arc::new(self.choice(value, &NAMED)?)));
        }
        self.expected(value, "`client_address`, `peer_address`, `bearer_token` or a table");
        None
    }

    fn first_key(&mut self, value: Value<'_>, fields: &mut Fields<'_>) -> Option<KeyFn> {
        let kinds = ["key", "header", "cookie", "query", "client_network"];
        let parts: Vec<_> = kinds.into_iter().filter_map(|kind| Some((kind, fields.take(kind)?))).collect();
        let [(kind, it)] = parts[..] else {
            self.error_in(
                value,
                "expected one of `key`, `header`, `cookie`, `query` and `client_network` in this table",
            );
            return None;
        };
        match kind {
            "header" => Some(Callback(Arc::new(key::header(self.header_name(it)?.as_str())))),
            "cookie" => self.cookie(it),
            "query" => Some(Callback(Arc::new(key::query(self.text(it)?)))),
            "client_network" => Some(Callback(Arc::new(key::client_network(self.ipv6_prefix(it)?)))),
            _ => self.key(it),
        }
    }

    #[cfg(feature = "cookies")]
    fn cookie(&mut self, value: Value<'_>) -> Option<KeyFn> {
        Some(Callback(Arc::new(key::cookie(self.text(value)?))))
    }

    #[cfg(not(feature = "cookies"))]
    fn cookie(&mut self, value: Value<'_>) -> Option<KeyFn> {
        self.error(value.start(), "`cookie`: requires the feature `cookies` of limiter-actix");
        None
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

fn both(one: KeyFn, other: KeyFn) -> KeyFn {
    Callback(Arc::new(move |req| one(req).and(other(req))))
}

fn or_else(one: KeyFn, other: KeyFn) -> KeyFn {
    Callback(Arc::new(move |req| one(req).or_else(|| other(req))))
}
