use futures_util::future::try_join_all;
use mongodb::bson::{Bson, Document, doc};

use super::{decide::Counts, error, layout::Layout};
use crate::storage::StorageError;

/// Removes some counts.
pub(super) async fn some(counts: &Counts, layout: &Layout<'_>) -> Result<(), StorageError> {
    let updates = (0..layout.clients.len()).map(|client| async move {
        let fields: Document =
            layout.of(client).map(|(_, count)| (format!("c.{}", count.name), Bson::Int32(1))).collect();
        let id = doc! { "_id": counts.id(&layout.clients[client]) };
        counts.collection.update_one(id, doc! { "$unset": fields }).await
    });
    try_join_all(updates).await.map(drop).map_err(error::storage)
}

/// Removes all documents whose names begin as ours do.
pub(super) async fn all(counts: &Counts) -> Result<(), StorageError> {
    // The prefix ends with a colon; the next byte in the order of names is a semicolon.
    let end = format!("{};", counts.prefix.trim_end_matches(':'));
    let ours = doc! { "_id": { "$gte": &*counts.prefix, "$lt": end } };
    counts.collection.delete_many(ours).await.map(drop).map_err(error::storage)
}
