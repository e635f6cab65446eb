//! The servers of a test, as a storage and as their administrator see them.

use limiter_core::storage::MongoStorage;
use limiter_test_servers::Mongo;
use mongodb::{
    Client, Collection,
    bson::{Document, doc},
};

pub(crate) trait ServerExt {
    fn storage(&self) -> MongoStorage;

    /// The collection of the counts, to look behind the scenes.
    async fn counts(&self) -> Collection<Document>;
}

impl ServerExt for Mongo {
    fn storage(&self) -> MongoStorage {
        MongoStorage::new(&self.uri()).unwrap()
    }

    async fn counts(&self) -> Collection<Document> {
        Client::with_uri_str(self.uri()).await.unwrap().database("ratelimit").collection("counts")
    }
}
