use mongodb::{
    Collection,
    bson::{Document, doc},
};

use super::{command::UpdateCommand, error, pipeline::ClockSource};
use crate::storage::StorageError;

/// The collection of the counts, with the settings of one operation.
#[derive(Clone)]
pub(super) struct CountCollection {
    pub(super) collection: Collection<Document>,
    /// The prefix of all document ids.
    pub(super) prefix: Box<str>,
    pub(super) clock: ClockSource,
}

impl CountCollection {
    /// Returns the id of a client's document.
    pub(super) fn id(&self, client: &str) -> String {
        format!("{}{client}", self.prefix)
    }

    /// Tests whether the server takes writes, with one to a document that no client has.
    pub(super) async fn probe(&self) -> Result<(), StorageError> {
        let command = UpdateCommand {
            id: self.id("probe"),
            pipeline: vec![doc! { "$set": { "e": "$$NOW" } }],
            upsert: true,
        };
        command.update(&self.collection).await.map_err(error::storage)
    }
}
