use mongodb::bson::{Bson, Document, doc};

use super::strategies;
use crate::{
    Policy,
    storage::{
        MAX_COUNTS_IN_SCOPE,
        mongodb::{
            expression::{
                add, and, array, call, concat_arrays, cond, field, filter, if_null, let_in, literal, lt, lte,
                map, max, not, number, or, saturating_sub, size, subtract, var,
            },
            layout::StoredCount,
        },
    },
};

/// The maximum number of live counts in a document, which has those of all scopes. With the longest names and logs they
/// take less than half of the 16 MB that a document may have.
pub(in crate::storage::mongodb) const MAX_COUNTS: usize = 8 * MAX_COUNTS_IN_SCOPE;

/// The time between the end of all counts and the expiry of their document, in milliseconds.
const GRACE: u64 = 1000;

/// A count, with the expressions of its new value.
pub(super) struct CountUpdate<'a> {
    pub(super) count: &'a StoredCount<'a>,
    pub(super) is_changed: Bson,
    /// The value to store if it is changed.
    pub(super) value: Bson,
}

/// Returns the last stages. They build the new document, or restore the old one if nothing has changed.
///
/// `report` becomes the field `r`.
pub(super) fn stages<'a>(
    updates: impl IntoIterator<Item = CountUpdate<'a>>,
    report: Option<Document>,
) -> Vec<Document> {
    let changed = updates.into_iter().map(|update| {
        let entry =
            doc! { "k": literal(&update.count.field), "v": marked(update.count.policy, update.value) };
        cond(update.is_changed, array([entry.into()]), array([]))
    });
    let is_changed = lt(number(0), size(field("changed")));
    let mut document = doc! { "_id": field("o._id"), "e": expiry(), "c": field("counts") };
    if let Some(mut report) = report {
        report.insert("n", field("evicted"));
        document.insert("r", report);
    }
    // A new document must be stored with an expiry, or it would stay for ever.
    let is_new = lt(field("o.e"), number(0));
    vec![
        doc! { "$set": { "changed": concat_arrays(changed) } },
        doc! { "$set": { "writes": or([is_changed, is_new]) } },
        doc! { "$set": { "live": live(), "room": room() } },
        doc! { "$set": { "others": others() } },
        doc! { "$set": { "counts": counts(), "evicted": saturating_sub(size(field("others")), field("room")) } },
        doc! { "$replaceWith": cond(field("writes"), document.into(), field("o")) },
    ]
}

fn entries(object: Bson) -> Bson {
    doc! { "$objectToArray": object }.into()
}

fn object(entries: Bson) -> Bson {
    doc! { "$arrayToObject": entries }.into()
}

/// Returns a value with the field `z` if the count is spent: if it would not let one unit more pass.
fn marked(policy: &Policy, value: Bson) -> Bson {
    let one_passes = strategies::has_left(policy, "$v");
    let spent = call("$mergeObjects", [var("v"), doc! { "z": true }.into()]);
    let_in("v", value, cond(one_passes, var("v"), spent))
}

/// Returns the counts that have not expired.
fn live() -> Bson {
    let all = if_null(field("o.c"), doc! { "$literal": {} }.into());
    filter(entries(all), lt(field("now"), var("this.v.x")))
}

/// Returns the live counts that have not changed: unspent ones, then spent ones, each in the order of their last hits.
fn others() -> Bson {
    let is_other = not(call("$in", [var("this.k"), field("changed.k")]));
    let is_spent = || lt(number(0), var("this.v.z"));
    let of = |condition| filter(field("live"), and([is_other.clone(), condition]));
    concat_arrays([of(not(is_spent())), of(is_spent())])
}

/// Returns the maximum number of other counts: at least one, which `$slice` requires.
fn room() -> Bson {
    max(number(1), subtract(number(MAX_COUNTS as u64), size(field("changed"))))
}

/// Returns the counts to store. If there are too many, unspent ones are evicted before spent ones, and among equals those
/// that were hit least recently.
fn counts() -> Bson {
    let fit = lte(add(size(field("live")), size(field("changed"))), number(MAX_COUNTS as u64));
    let merged = call("$mergeObjects", [object(field("live")), object(field("changed"))]);
    let newest = call("$slice", [field("others"), subtract(number(0), field("room"))]);
    cond(fit, merged, object(concat_arrays([newest, field("changed")])))
}

/// Returns the expiry: the last end of all counts by the clock of the server, which deletes the document.
fn expiry() -> Bson {
    let last = doc! { "$max": map(entries(field("counts")), var("this.v.x")) };
    let rest = subtract(if_null(last.into(), field("now")), field("now"));
    call("$add", [var("NOW"), rest, number(GRACE)])
}
