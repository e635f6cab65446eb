use mongodb::{
    Collection,
    bson::{Document, doc},
};

use super::{command::UpdateCommand, error, layout::field_name, pipeline::ClockSource};
use crate::storage::{StorageError, count_name::ScopeTexts};

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

    /// Returns the scopes of the counts of a client whose names begin with a text.
    pub(super) async fn scopes_of(&self, client: &str, beginning: &str) -> Result<Vec<String>, StorageError> {
        let find = self.collection.find_one(doc! { "_id": self.id(client) }).await;
        let found = find.map_err(error::storage)?.unwrap_or_default();
        let mut scopes = ScopeTexts::default();
        for field in found.get_document("c").iter().flat_map(|counts| counts.keys()) {
            // Fields are escaped as names are.
            if let Some(rest) = field.strip_prefix(&*field_name(beginning)) {
                scopes.add(rest);
            }
        }
        Ok(scopes.into_texts())
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
