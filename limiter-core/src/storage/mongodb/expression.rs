//! Expressions of the aggregation language, written as they read.
//!
//! All numbers are 64-bit integers, and what is done to them stays one: `$add`, `$subtract`, `$multiply` and
//! `$mod` of such give such as long as nothing overflows, and what may not fit is said where it is computed.
//! `$divide` is not here, since it gives a float.

use mongodb::bson::{Bson, Document, doc};

/// A number. Amounts have 15 digits, and durations in nanoseconds 100 years: all fit.
pub(super) fn number(value: u64) -> Bson {
    Bson::Int64(i64::try_from(value).unwrap_or(i64::MAX))
}

/// The field at a path.
pub(super) fn at(path: &str) -> Bson {
    Bson::String(format!("${path}"))
}

/// A variable, such as `$$this.x`.
pub(super) fn var(path: &str) -> Bson {
    Bson::String(format!("$${path}"))
}

/// A text that is not a path.
pub(super) fn text(text: &str) -> Bson {
    doc! { "$literal": text }.into()
}

pub(super) fn call(name: &str, arguments: impl IntoIterator<Item = Bson>) -> Bson {
    let mut call = Document::new();
    call.insert(name, arguments.into_iter().collect::<Vec<_>>());
    call.into()
}

pub(super) fn add(a: Bson, b: Bson) -> Bson {
    call("$add", [a, b])
}

pub(super) fn subtract(a: Bson, b: Bson) -> Bson {
    call("$subtract", [a, b])
}

pub(super) fn multiply(a: Bson, b: Bson) -> Bson {
    call("$multiply", [a, b])
}

pub(super) fn remainder(a: Bson, b: Bson) -> Bson {
    call("$mod", [a, b])
}

pub(super) fn least(a: Bson, b: Bson) -> Bson {
    call("$min", [a, b])
}

/// The larger one; what is missing is smaller than any number.
pub(super) fn most(a: Bson, b: Bson) -> Bson {
    call("$max", [a, b])
}

/// `a - b`, but not below zero.
pub(super) fn minus(a: Bson, b: Bson) -> Bson {
    most(number(0), subtract(a, b))
}

pub(super) fn equal(a: Bson, b: Bson) -> Bson {
    call("$eq", [a, b])
}

pub(super) fn differs(a: Bson, b: Bson) -> Bson {
    call("$ne", [a, b])
}

/// `a < b`; what is missing is smaller than any number.
pub(super) fn less(a: Bson, b: Bson) -> Bson {
    call("$lt", [a, b])
}

pub(super) fn at_most(a: Bson, b: Bson) -> Bson {
    call("$lte", [a, b])
}

pub(super) fn all(conditions: impl IntoIterator<Item = Bson>) -> Bson {
    call("$and", conditions)
}

pub(super) fn any(conditions: impl IntoIterator<Item = Bson>) -> Bson {
    call("$or", conditions)
}

pub(super) fn not(condition: Bson) -> Bson {
    call("$not", [condition])
}

pub(super) fn choose(condition: Bson, then: Bson, otherwise: Bson) -> Bson {
    call("$cond", [condition, then, otherwise])
}

/// The value of a path, or another one where it is missing.
pub(super) fn or(value: Bson, otherwise: Bson) -> Bson {
    call("$ifNull", [value, otherwise])
}

/// Those elements of a list for which a condition on `$$this` holds.
pub(super) fn filter(list: Bson, condition: Bson) -> Bson {
    doc! { "$filter": { "input": list, "cond": condition } }.into()
}

/// What `each` makes of each element, `$$this`, of a list.
pub(super) fn map(list: Bson, each: Bson) -> Bson {
    doc! { "$map": { "input": list, "in": each } }.into()
}

pub(super) fn size(list: Bson) -> Bson {
    doc! { "$size": list }.into()
}

pub(super) fn sum(list: Bson) -> Bson {
    doc! { "$sum": list }.into()
}

/// The last element; missing when there is none.
pub(super) fn last(list: Bson) -> Bson {
    call("$arrayElemAt", [list, Bson::Int32(-1)])
}

pub(super) fn join(lists: impl IntoIterator<Item = Bson>) -> Bson {
    call("$concatArrays", lists)
}

/// `value` by a name in an expression.
pub(super) fn name(name: &str, value: Bson, within: Bson) -> Bson {
    let mut names = Document::new();
    names.insert(name, value);
    doc! { "$let": { "vars": names, "in": within } }.into()
}

/// The expressions, none of which is evaluated, as one list.
pub(super) fn list(elements: impl IntoIterator<Item = Bson>) -> Bson {
    Bson::Array(elements.into_iter().collect())
}
