//! MongoDB servers as the suite sees them, and as their administrator does.

use std::{
    ops::{Index, IndexMut},
    time::{Duration, Instant},
};

use limiter_core::{
    Strategy,
    storage::{MongoStorage, StorageError},
};
use limiter_test_servers::Mongo;
use mongodb::{
    Client, Collection, Database as MongoDatabase,
    bson::{Bson, Document, doc},
};

use crate::{
    client::FOR_EVER,
    server::{Database, Server},
};

impl Server for Mongo {
    type Storage = MongoStorage;

    const NAME: &str = "mongodb";
    const STRATEGIES: &[Strategy] = &Strategy::ALL;
    const RESOLUTION: Duration = Duration::from_millis(1);
    const CAN_RESET: bool = true;
    const KEEPS_COUNTS: bool = true;
    // A pool of 32, and those that monitor the server.
    const MAX_CONNECTIONS: u64 = 36;
    const IS_PROMPT: bool = false;

    fn start() -> Self {
        Mongo::start()
    }

    fn port(&self) -> u16 {
        self.port()
    }

    fn restart(&mut self) {
        self.restart();
    }

    fn open(uri: &str) -> MongoStorage {
        patient(uri)
    }

    fn open_with_prefix(uri: &str, prefix: &str) -> Result<MongoStorage, StorageError> {
        MongoStorage::builder(uri).prefix(prefix).build()
    }

    fn by_callers_clock(storage: MongoStorage) -> MongoStorage {
        storage.use_caller_clock()
    }

    async fn erase(&self) {
        self.counts().await.drop().await.unwrap();
    }

    /// Writes the journal, without which the last counts would be lost.
    async fn flush(&self) {
        self.admin().await.run_command(doc! { "fsync": 1 }).await.unwrap();
    }
}

impl Database for Mongo {
    async fn remove_expiries(&self) {
        self.counts().await.update_many(doc! {}, doc! { "$unset": { "e": 1 } }).await.unwrap();
    }

    async fn has_expiries(&self) -> bool {
        self.documents().await.iter().all(|document| document.get_datetime("e").is_ok())
    }

    async fn write_foreign(&self, name: &str) {
        self.counts().await.insert_one(doc! { "_id": name }).await.unwrap();
    }

    async fn names(&self) -> usize {
        self.documents().await.len()
    }
}

pub(crate) trait Administered {
    /// The server by itself, to look behind the scenes.
    async fn admin(&self) -> MongoDatabase;

    /// The collection of the counts.
    async fn counts(&self) -> Collection<Document>;

    /// The documents of the counts.
    async fn documents(&self) -> Vec<Document>;
}

impl Administered for Mongo {
    async fn admin(&self) -> MongoDatabase {
        let uri = format!("{}/?directConnection=true", self.uri());
        Client::with_uri_str(uri).await.unwrap().database("admin")
    }

    async fn counts(&self) -> Collection<Document> {
        self.admin().await.client().database("ratelimit").collection("counts")
    }

    async fn documents(&self) -> Vec<Document> {
        let mut cursor = self.counts().await.find(doc! {}).await.unwrap();
        let mut documents = Vec::new();
        while cursor.advance().await.unwrap() {
            documents.push(cursor.deserialize_current().unwrap());
        }
        documents
    }
}

/// A replica set of three.
pub(crate) struct Set([Mongo; 3]);

impl Set {
    pub(crate) async fn start() -> Self {
        let set = Self(Mongo::members("rs0"));
        let members: Vec<_> = (0i32..)
            .zip(&set.0)
            .map(|(number, member)| doc! { "_id": number, "host": format!("127.0.0.1:{}", member.port()) })
            .collect();
        // A member that does not get its turn for a while is not replaced.
        let settings = doc! { "electionTimeoutMillis": 10_000, "heartbeatIntervalMillis": 200 };
        let config = doc! { "_id": "rs0", "members": members, "settings": settings };
        set.0[0].admin().await.run_command(doc! { "replSetInitiate": config }).await.unwrap();
        set.elect(0).await;
        // Until the others have caught up, none of them can take over.
        let start = Instant::now();
        while set.count("isWritablePrimary").await + set.count("secondary").await < 3 {
            assert!(start.elapsed() < FOR_EVER, "the set is not complete");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        set
    }

    /// Returns how many members have this role.
    async fn count(&self, role: &str) -> usize {
        let mut count = 0;
        for member in &self.0 {
            count += usize::from(hello(member).await.get(role) == Some(&Bson::Boolean(true)));
        }
        count
    }

    pub(crate) fn uri(&self) -> String {
        format!("mongodb://{}/?replicaSet=rs0", Mongo::hosts(&self.0))
    }

    /// Waits for long enough to get over an election.
    pub(crate) fn storage(&self) -> MongoStorage {
        patient(&self.uri())
    }

    /// The place of the primary, when there is one.
    pub(crate) async fn primary(&self) -> usize {
        let start = Instant::now();
        loop {
            for (place, member) in self.0.iter().enumerate() {
                let hello = tokio::time::timeout(Duration::from_secs(1), hello(member)).await;
                if hello.is_ok_and(|hello| hello.get("isWritablePrimary") == Some(&Bson::Boolean(true))) {
                    return place;
                }
            }
            assert!(start.elapsed() < FOR_EVER, "there is no primary");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Makes the primary step down, and waits for the next one; returns the place of the first.
    pub(crate) async fn step_down(&self) -> usize {
        let start = Instant::now();
        let primary = loop {
            let primary = self.primary().await;
            let command = doc! { "replSetStepDown": 180, "secondaryCatchUpPeriodSecs": 60 };
            let Err(error) = self.0[primary].admin().await.run_command(command).await else { break primary };
            // It stays if no other one catches up.
            assert!(start.elapsed() < FOR_EVER, "it does not step down: {error}");
        };
        // It hands over to another one, unless that is too busy.
        for _ in 0..50 {
            if self.count("isWritablePrimary").await > 0 {
                return primary;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.elect((primary + 1) % self.0.len()).await;
        primary
    }

    /// Makes a member the primary.
    pub(crate) async fn elect(&self, place: usize) {
        let start = Instant::now();
        while hello(&self.0[place]).await.get("isWritablePrimary") != Some(&Bson::Boolean(true)) {
            // It fails while a member is not ready, or does not know of the others yet.
            let _ = self.0[place].admin().await.run_command(doc! { "replSetStepUp": 1 }).await;
            assert!(start.elapsed() < FOR_EVER, "it is not elected");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// On a busy machine a server takes long to answer, or to be elected.
fn patient(uri: &str) -> MongoStorage {
    MongoStorage::builder(uri).connect_timeout(Duration::from_secs(60)).build().unwrap()
}

async fn hello(member: &Mongo) -> Document {
    let answer = member.admin().await.run_command(doc! { "hello": 1 }).await;
    answer.unwrap_or_default()
}

impl Index<usize> for Set {
    type Output = Mongo;

    fn index(&self, place: usize) -> &Mongo {
        &self.0[place]
    }
}

impl IndexMut<usize> for Set {
    fn index_mut(&mut self, place: usize) -> &mut Mongo {
        &mut self.0[place]
    }
}
