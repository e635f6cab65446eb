//! The types of options in a file.

use std::{num::NonZeroU64, sync::Arc};

use actix_web::http::Method;
use limiter_core::{BanRule, Quota, Strategy};

use super::reader::{Reader, Value};
use crate::{
    OnStorageFailure,
    limit::callback::{Cost, KeyFn, Text},
};

/// A type of an option.
pub(super) trait OptionValue: Sized {
    /// Reads a value, and reports its errors.
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self>;
}

impl<T: OptionValue> OptionValue for Option<T> {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(value, reader).map(Some)
    }
}

impl OptionValue for bool {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.boolean(value)
    }
}

impl OptionValue for NonZeroU64 {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.number(value, 1..=u64::MAX).and_then(Self::new)
    }
}

impl OptionValue for Cost {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.number(value, 0..=u64::MAX).map(Self::Fixed)
    }
}

impl OptionValue for Arc<str> {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.text(value).map(Into::into)
    }
}

impl OptionValue for Text {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.text(value).map(|text| Self::Fixed(text.into()))
    }
}

impl OptionValue for KeyFn {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.key(value)
    }
}

impl OptionValue for Strategy {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.strategy(value)
    }
}

impl OptionValue for OnStorageFailure {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.on_storage_failure(value)
    }
}

impl OptionValue for BanRule {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.ban_rule(value)
    }
}

/// A text or a list of them.
impl OptionValue for Vec<Quota> {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        Some(value.each().into_iter().flat_map(|it| reader.quotas(it)).collect())
    }
}

/// A method in upper case, or a list of them.
impl OptionValue for Vec<Method> {
    fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let is_upper_case = |text: &&str| !text.bytes().any(|byte| byte.is_ascii_lowercase());
        let listed = value.each();
        if listed.is_empty() {
            reader.error_in(value, "expected at least one method");
        }
        let method = |it: Value<'_>| {
            let text = it.node.get_ref().as_str().filter(is_upper_case);
            let method = text.and_then(|text| Method::from_bytes(text.as_bytes()).ok());
            if method.is_none() {
                reader.expected(it, "a method in upper case, such as `GET`");
            }
            method
        };
        Some(listed.into_iter().filter_map(method).collect())
    }
}
