//! The update pipelines: each decides a batch on one document, or runs steps on it.
//!
//! A client has one document:
//!
//! * `_id`: the prefix, the version of this schema, and the client;
//! * `e`: the expiry of the document, for the TTL index;
//! * `c`: the counts by name;
//! * `r`: the report of the last decision that changed something.
//!
//! While a pipeline runs, the document is in the field `o`, beside the intermediate results.

use mongodb::bson::{Bson, Document, doc};

mod decision;
mod elastic_window;
mod fields;
mod finish;
mod fixed_window;
mod moving_window;
mod renewals;
mod sliding_window;
mod steps;
mod strategies;
mod token_bucket;

pub(super) use self::{
    decision::{ADMITTED, DecisionPipeline, REFUSED, REFUSED_BY_GUARD},
    fields::NANOS,
    finish::MAX_COUNTS,
    moving_window::COST_RANGE,
    renewals::RenewalPipeline,
    steps::{Step, StepPipeline},
};
use super::{expression::number, layout::StoredCount};
use crate::Timestamp;

/// The clock of a pipeline: the server's, or that of the caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockSource {
    /// The time of the caller.
    pub(super) caller: Timestamp,
    /// Set if the pipeline decides by that time.
    pub(super) is_callers: bool,
}

impl ClockSource {
    /// Returns the time in milliseconds.
    pub(super) fn now(self) -> Bson {
        if self.is_callers {
            number(self.caller.as_nanos() / NANOS)
        } else {
            doc! { "$toLong": "$$NOW" }.into()
        }
    }

    /// Returns the first stage of all pipelines.
    fn begin(self) -> Document {
        doc! { "$replaceWith": { "o": "$$ROOT", "now": self.now() } }
    }
}

/// Returns the path of a count in the document.
fn stored(count: &StoredCount<'_>) -> String {
    format!("o.c.{}", count.field)
}

/// Returns a stage that sets independent fields, or `None` without fields.
fn set(fields: impl IntoIterator<Item = (String, Bson)>) -> Option<Document> {
    let fields: Document = fields.into_iter().collect();
    (!fields.is_empty()).then(|| doc! { "$set": fields })
}
