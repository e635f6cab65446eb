//! A builder for expressions of the aggregation language. The functions bear the names of the operators.
//!
//! All numbers are 64-bit integers. `$add`, `$subtract`, `$multiply` and `$mod` of integers return integers unless they
//! overflow; the callers state why they do not. `$divide` is missing, since it returns a float.

use mongodb::bson::{Bson, Document, doc};

/// Returns a number. Amounts have at most 15 digits, and durations at most the nanoseconds of 100 years: all fit.
pub(super) fn number(value: u64) -> Bson {
    Bson::Int64(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Returns the field at a path.
pub(super) fn field(path: &str) -> Bson {
    Bson::String(format!("${path}"))
}

/// Returns a variable, such as `$$this.x`.
pub(super) fn var(path: &str) -> Bson {
    Bson::String(format!("$${path}"))
}

/// Returns a text that is not interpreted as a path.
pub(super) fn literal(text: &str) -> Bson {
    doc! { "$literal": text }.into()
}

pub(super) fn call(operator: &str, arguments: impl IntoIterator<Item = Bson>) -> Bson {
    let mut call = Document::new();
    call.insert(operator, arguments.into_iter().collect::<Vec<_>>());
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

pub(super) fn modulo(a: Bson, b: Bson) -> Bson {
    call("$mod", [a, b])
}

pub(super) fn min(a: Bson, b: Bson) -> Bson {
    call("$min", [a, b])
}

/// Returns the larger value. A missing value is smaller than any number.
pub(super) fn max(a: Bson, b: Bson) -> Bson {
    call("$max", [a, b])
}

/// Returns `a - b`, or zero if that is negative.
pub(super) fn saturating_sub(a: Bson, b: Bson) -> Bson {
    max(number(0), subtract(a, b))
}

pub(super) fn eq(a: Bson, b: Bson) -> Bson {
    call("$eq", [a, b])
}

pub(super) fn ne(a: Bson, b: Bson) -> Bson {
    call("$ne", [a, b])
}

/// Returns `a < b`. A missing value is smaller than any number.
pub(super) fn lt(a: Bson, b: Bson) -> Bson {
    call("$lt", [a, b])
}

pub(super) fn lte(a: Bson, b: Bson) -> Bson {
    call("$lte", [a, b])
}

pub(super) fn and(conditions: impl IntoIterator<Item = Bson>) -> Bson {
    call("$and", conditions)
}

pub(super) fn or(conditions: impl IntoIterator<Item = Bson>) -> Bson {
    call("$or", conditions)
}

pub(super) fn not(condition: Bson) -> Bson {
    call("$not", [condition])
}

pub(super) fn cond(condition: Bson, then: Bson, otherwise: Bson) -> Bson {
    call("$cond", [condition, then, otherwise])
}

/// Returns a value, or another one if it is missing.
pub(super) fn if_null(value: Bson, otherwise: Bson) -> Bson {
    call("$ifNull", [value, otherwise])
}

/// Returns the elements of an array that meet a condition on `$$this`.
pub(super) fn filter(array: Bson, condition: Bson) -> Bson {
    doc! { "$filter": { "input": array, "cond": condition } }.into()
}

/// Returns an array with an expression on `$$this` applied to each element.
pub(super) fn map(array: Bson, each: Bson) -> Bson {
    doc! { "$map": { "input": array, "in": each } }.into()
}

pub(super) fn size(array: Bson) -> Bson {
    doc! { "$size": array }.into()
}

pub(super) fn sum(array: Bson) -> Bson {
    doc! { "$sum": array }.into()
}

/// Returns the last element. It is missing if the array is empty.
pub(super) fn last(array: Bson) -> Bson {
    call("$arrayElemAt", [array, Bson::Int32(-1)])
}

pub(super) fn concat_arrays(arrays: impl IntoIterator<Item = Bson>) -> Bson {
    call("$concatArrays", arrays)
}

/// Binds `value` to a variable in an expression.
pub(super) fn let_in(name: &str, value: Bson, expression: Bson) -> Bson {
    let mut variables = Document::new();
    variables.insert(name, value);
    doc! { "$let": { "vars": variables, "in": expression } }.into()
}

/// Returns an array of expressions.
pub(super) fn array(elements: impl IntoIterator<Item = Bson>) -> Bson {
    Bson::Array(elements.into_iter().collect())
}
