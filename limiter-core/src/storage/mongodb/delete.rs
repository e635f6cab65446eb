use futures_util::future::try_join_all;
use mongodb::bson::{Bson, Document, doc};

use super::{
    command::UpdateCommand,
    counts::CountCollection,
    error,
    layout::{BatchLayout, field_name},
};
use crate::storage::StorageError;

/// Deletes some counts.
pub(super) async fn some(counts: &CountCollection, layout: &BatchLayout<'_>) -> Result<(), StorageError> {
    let updates = (0..layout.clients.len()).map(|client| async move {
        let fields: Document =
            layout.of(client).map(|(_, count)| (format!("c.{}", count.field), Bson::Int32(1))).collect();
        let id = doc! { "_id": counts.id(&layout.clients[client]) };
        counts.collection.update_one(id, doc! { "$unset": fields }).await
    });
    try_join_all(updates).await.map(drop).map_err(error::storage)
}

/// Deletes the counts of a client whose names begin with a text.
pub(super) async fn of_client(
    counts: &CountCollection,
    client: &str,
    beginning: &str,
) -> Result<(), StorageError> {
    let is_other = doc! { "$ne": [{ "$indexOfBytes": ["$$count.k", field_name(beginning)] }, 0] };
    let all = doc! { "$objectToArray": { "$ifNull": ["$c", {}] } };
    let others = doc! { "$filter": { "input": all, "as": "count", "cond": is_other } };
    let command = UpdateCommand {
        id: counts.id(client),
        pipeline: vec![doc! { "$set": { "c": { "$arrayToObject": others } } }],
        upsert: false,
    };
    command.update(&counts.collection).await.map_err(error::storage)
}

/// Deletes all documents whose ids have the prefix.
pub(super) async fn all(counts: &CountCollection) -> Result<(), StorageError> {
    // The prefix ends with a colon, and a semicolon is the next byte.
    let end = format!("{};", counts.prefix.trim_end_matches(':'));
    let filter = doc! { "_id": { "$gte": &*counts.prefix, "$lt": end } };
    counts.collection.delete_many(filter).await.map(drop).map_err(error::storage)
}
