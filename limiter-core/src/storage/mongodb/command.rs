use mongodb::{
    Collection,
    bson::{Bson, Document, doc},
    error::Result,
    options::ReturnDocument,
};

use super::{error, layout::BatchLayout, pipeline::ClockSource};

/// A command that changes one document by a pipeline.
pub(super) struct UpdateCommand {
    pub(super) id: String,
    pub(super) pipeline: Vec<Document>,
    /// Creates the document if it does not exist.
    pub(super) upsert: bool,
}

impl UpdateCommand {
    /// Changes the document and returns some fields of the result. Returns `None` if the document does not exist.
    pub(super) async fn find_and_update(
        self,
        collection: &Collection<Document>,
        fields: Document,
    ) -> Result<Option<Document>> {
        let update = || {
            collection
                .find_one_and_update(doc! { "_id": &self.id }, self.pipeline.clone())
                .upsert(self.upsert)
                .return_document(ReturnDocument::After)
                .projection(fields.clone())
        };
        match update().await {
            // Another operation has created the document at the same time. This one has changed nothing, so it can be
            // repeated.
            Err(error) if error::is_duplicate(&error) => update().await,
            result => result,
        }
    }

    /// Changes the document.
    pub(super) async fn update(self, collection: &Collection<Document>) -> Result<()> {
        let update =
            || collection.update_one(doc! { "_id": &self.id }, self.pipeline.clone()).upsert(self.upsert);
        match update().await {
            Err(error) if error::is_duplicate(&error) => update().await,
            result => result,
        }
        .map(drop)
    }
}

/// Returns the projection that reports a decision: the time, the report, and the first `reported` counts of the batch.
pub(super) fn projection(
    layout: &BatchLayout<'_>,
    client: usize,
    reported: usize,
    clock: ClockSource,
) -> Document {
    let now = match clock.now() {
        number @ Bson::Int64(_) => doc! { "$literal": number }.into(),
        server => server,
    };
    let mut fields = doc! { "_id": 0, "now": now, "t": 1, "r": 1 };
    for (place, count) in layout.of(client) {
        if layout.places[..reported].contains(&place) {
            fields.insert(format!("c.{}", count.field), 1);
        }
    }
    fields
}
