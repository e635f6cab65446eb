//! Commands for the server, made from batches.

use mongodb::{
    Collection,
    bson::{Bson, Document, doc},
    error::Result,
    options::ReturnDocument,
};

use super::{error, layout::Layout, pipeline::Clock};

/// A command that changes one document by a pipeline.
pub(super) struct Question {
    pub(super) id: String,
    pub(super) pipeline: Vec<Document>,
    /// Whether the document is made when it is not there.
    pub(super) creates: bool,
}

impl Question {
    /// Changes the document, and returns some fields of what it is then; none when it is not there.
    pub(super) async fn ask(
        self,
        collection: &Collection<Document>,
        fields: Document,
    ) -> Result<Option<Document>> {
        let ask = || {
            collection
                .find_one_and_update(doc! { "_id": &self.id }, self.pipeline.clone())
                .upsert(self.creates)
                .return_document(ReturnDocument::After)
                .projection(fields.clone())
        };
        match ask().await {
            // Two have made the document at once, and this one has done nothing: it may be repeated.
            Err(error) if error::is_duplicate(&error) => ask().await,
            answer => answer,
        }
    }

    /// Changes the document.
    pub(super) async fn tell(self, collection: &Collection<Document>) -> Result<()> {
        let tell =
            || collection.update_one(doc! { "_id": &self.id }, self.pipeline.clone()).upsert(self.creates);
        match tell().await {
            Err(error) if error::is_duplicate(&error) => tell().await,
            answer => answer,
        }
        .map(drop)
    }
}

/// The fields that say how a document has decided: the time, the report, and the counts of the guards and limits
/// as they are stored.
pub(super) fn answer(layout: &Layout<'_>, client: usize, reported: usize, clock: Clock) -> Document {
    let now = match clock.now() {
        number @ Bson::Int64(_) => doc! { "$literal": number }.into(),
        server => server,
    };
    let mut fields = doc! { "_id": 0, "now": now, "t": 1, "r": 1 };
    for (place, count) in layout.of(client) {
        if layout.places[..reported].contains(&place) {
            fields.insert(format!("c.{}", count.name), 1);
        }
    }
    fields
}
