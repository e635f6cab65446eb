use mongodb::bson::{Bson, Document, doc};

use crate::storage::mongodb::{
    expression::{
        add, any, at, at_most, call, choose, filter, join, less, list, map, minus, not, number, or, size,
        subtract, text, var,
    },
    layout::Count,
};

/// How many live counts one document holds at most: with the longest names and logs, less than half of the 16 MB
/// that a document may have.
pub(in crate::storage::mongodb) const MOST_COUNTS: usize = 512;

/// For how long a document is kept when nothing in it matters any more, in milliseconds.
const GRACE: u64 = 1000;

/// A count and the expressions of what shall be stored for it.
pub(super) struct Outcome<'a> {
    pub(super) count: &'a Count<'a>,
    /// Whether anything has changed, and what there is then.
    pub(super) is_changed: Bson,
    pub(super) value: Bson,
}

/// The last stages: puts the document together if anything has changed, or leaves it as it is.
///
/// `report` is the field `r`.
pub(super) fn stages<'a>(
    outcomes: impl IntoIterator<Item = Outcome<'a>>,
    report: Option<Document>,
) -> Vec<Document> {
    let changed = outcomes.into_iter().map(|outcome| {
        let entry = doc! { "k": text(&outcome.count.name), "v": outcome.value };
        choose(outcome.is_changed, list([entry.into()]), list([]))
    });
    let is_changed = less(number(0), size(at("changed")));
    let mut document = doc! { "_id": at("o._id"), "e": end(), "c": at("counts") };
    if let Some(mut report) = report {
        report.insert("n", at("evicted"));
        document.insert("r", report);
    }
    // A document that is new must be stored with its end, or it would stay for ever.
    let is_new = less(at("o.e"), number(0));
    vec![
        doc! { "$set": { "changed": join(changed) } },
        doc! { "$set": { "writes": any([is_changed, is_new]) } },
        doc! { "$set": { "live": live(), "room": room() } },
        doc! { "$set": { "others": others() } },
        doc! { "$set": { "counts": counts(), "evicted": minus(size(at("others")), at("room")) } },
        doc! { "$replaceWith": choose(at("writes"), document.into(), at("o")) },
    ]
}

fn entries(object: Bson) -> Bson {
    doc! { "$objectToArray": object }.into()
}

fn object(entries: Bson) -> Bson {
    doc! { "$arrayToObject": entries }.into()
}

/// The counts that have not expired.
fn live() -> Bson {
    let all = or(at("o.c"), doc! { "$literal": {} }.into());
    filter(entries(all), less(at("now"), var("this.v.x")))
}

/// Those of them that have not changed.
fn others() -> Bson {
    filter(at("live"), not(call("$in", [var("this.k"), at("changed.k")])))
}

/// How many others there may be; at least one, which `$slice` asks for.
fn room() -> Bson {
    call("$max", [number(1), subtract(number(MOST_COUNTS as u64), size(at("changed")))])
}

/// When there are too many, those that have waited longest for a hit make way.
fn counts() -> Bson {
    let fit = at_most(add(size(at("live")), size(at("changed"))), number(MOST_COUNTS as u64));
    let merged = call("$mergeObjects", [object(at("live")), object(at("changed"))]);
    let newest = call("$slice", [at("others"), subtract(number(0), at("room"))]);
    choose(fit, merged, object(join([newest, at("changed")])))
}

/// The last of the ends of all counts, by the clock of the server, since that is what removes the document.
fn end() -> Bson {
    let last = doc! { "$max": map(entries(at("counts")), var("this.v.x")) };
    let rest = subtract(or(last.into(), at("now")), at("now"));
    call("$add", [var("NOW"), rest, number(GRACE)])
}
