//! The update pipelines: each decides on one document, or settles what was decided over several.
//!
//! The document of a client:
//!
//! * `_id`: the prefix, the version of all this, and the client;
//! * `e`: when the document may go, for the TTL index;
//! * `c`: the counts by name;
//! * `r`: the last decision that changed something.
//!
//! While a pipeline runs, the document is in the field `o`, beside what is worked out from it.

use mongodb::bson::{Bson, Document, doc};

mod decide;
mod elastic_window;
mod finish;
mod fixed_window;
mod moving_window;
mod rules;
mod settle;
mod sliding_window;
mod token_bucket;

pub(super) use self::{
    decide::{ADMITTED, Decide, GUARDED, REFUSED},
    finish::MOST_COUNTS,
    moving_window::ROOM,
    settle::{Settle, Step},
    token_bucket::NANOS,
};
use super::{
    expression::{at, number},
    layout::Count,
};
use crate::Timestamp;

/// By which clock a pipeline decides: the server's, or a time that is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Option<Timestamp>);

impl Clock {
    pub(super) fn of_server() -> Self {
        Self(None)
    }

    pub(super) fn at(time: Timestamp) -> Self {
        Self(Some(time))
    }

    /// Now, in milliseconds.
    pub(super) fn now(self) -> Bson {
        match self.0 {
            Some(time) => number(time.as_nanos() / NANOS),
            None => doc! { "$toLong": "$$NOW" }.into(),
        }
    }

    /// The first stage of all pipelines.
    fn begin(self) -> Document {
        doc! { "$replaceWith": { "o": "$$ROOT", "now": self.now() } }
    }
}

/// The path of a count in the document.
fn stored(count: &Count<'_>) -> String {
    format!("o.c.{}", count.name)
}

/// Sets some fields that do not depend on each other.
fn set(fields: impl IntoIterator<Item = (String, Bson)>) -> Option<Document> {
    let fields: Document = fields.into_iter().collect();
    (!fields.is_empty()).then(|| doc! { "$set": fields })
}
