use std::{fmt, time::Duration};

use mongodb::options::{Acknowledgment, ConnectionString, WriteConcern};

use super::{
    MongoStorage,
    driver::{Driver, Target},
};
use crate::storage::StorageError;

const DEFAULT_PREFIX: &str = "ratelimit";
const DEFAULT_DATABASE: &str = "ratelimit";
const DEFAULT_COLLECTION: &str = "counts";

/// How long an attempt to connect may take. Requests do not wait for it.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Puts a [`MongoStorage`] together.
///
/// ```
/// use limiter_core::storage::MongoStorage;
///
/// let storage = MongoStorage::builder("mongodb://db1.example.com,db2.example.com/?replicaSet=rs0")
///     .credentials("limiter", "secret")
///     .database("shop")
///     .majority(false)
///     .build()?;
/// # let _ = storage;
/// # Ok::<(), limiter_core::storage::StorageError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct MongoStorageBuilder {
    uri: String,
    database: Option<String>,
    collection: String,
    prefix: String,
    connect_timeout: Duration,
    credentials: Option<(String, String)>,
    majority: Option<bool>,
}

impl MongoStorageBuilder {
    /// The longest prefix in bytes.
    pub const MAX_PREFIX_LEN: usize = 64;

    pub(super) fn new(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            database: None,
            collection: DEFAULT_COLLECTION.to_owned(),
            prefix: DEFAULT_PREFIX.to_owned(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            credentials: None,
            majority: None,
        }
    }

    /// The database, instead of the one in the URI; `ratelimit` when there is none.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// The collection, `counts` unless set. It should hold nothing else.
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.collection = name.into();
        self
    }

    /// What the `_id` of all documents begins with: letters, digits and `.`, `_`, `-`, `:`; `ratelimit` unless
    /// set. Storages of one collection that shall not share counts, or be reset together, need different ones.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long an attempt to connect, and the search for a server that takes writes, may take: 2 s unless set
    /// here, or as `connectTimeoutMS` and `serverSelectionTimeoutMS` in the URI. Both go on in the background:
    /// behind a deadline, no request waits longer for them than for an answer.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The user and the password, instead of those in the URI.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Whether a decision waits until a majority of the replica set has it (`w=majority`), so that a failover
    /// loses none, or for the primary alone (`w=1`). Unless set, the URI says so, or else the server, whose own
    /// default is the majority since MongoDB 5.0.
    pub fn majority(mut self, majority: bool) -> Self {
        self.majority = Some(majority);
        self
    }

    /// Builds the storage. It does not connect yet.
    ///
    /// # Errors
    ///
    /// When the URI is not one of those that [`MongoStorage::new`] takes, when it asks for writes that nobody
    /// acknowledges (`w=0`), when a name is empty, and when the prefix holds other characters or is too long.
    pub fn build(self) -> Result<MongoStorage, StorageError> {
        self.check_prefix()?;
        let mut address = self.address()?;
        if let Some((user, password)) = self.credentials {
            let credential = address.credential.get_or_insert_default();
            (credential.username, credential.password) = (Some(user), Some(password));
        }
        let database = self.database.or_else(|| address.default_database.clone());
        let target = Target {
            address,
            patience: self.connect_timeout,
            database: database.unwrap_or_else(|| DEFAULT_DATABASE.into()),
            collection: self.collection,
            write_concern: self.majority.map(concern),
        };
        if target.database.is_empty() || target.collection.is_empty() {
            return Err(StorageError::new("the database and the collection of a MongoDB storage have names"));
        }
        Ok(MongoStorage::with_driver(Driver::new(target), &self.prefix))
    }

    fn address(&self) -> Result<ConnectionString, StorageError> {
        if self.uri.starts_with("mongodb+srv://") {
            return Err(StorageError::new(
                "mongodb+srv:// is not supported: name the servers, as in mongodb://a,b,c/?replicaSet=name&tls=true",
            ));
        }
        let address = ConnectionString::parse(&self.uri).map_err(|error| {
            let what = "the address of the MongoDB server cannot be used";
            // What the driver says of it may repeat a password.
            let is_secret = self.uri.contains('@');
            if is_secret { StorageError::new(what) } else { StorageError::new(what).with_source(error) }
        })?;
        let unheard = Some(&Acknowledgment::Nodes(0));
        if address.write_concern.as_ref().and_then(|concern| concern.w.as_ref()) == unheard {
            return Err(StorageError::new("a MongoDB storage needs answers: w=0 asks for none"));
        }
        Ok(address)
    }

    fn check_prefix(&self) -> Result<(), StorageError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        if self.prefix.is_empty()
            || self.prefix.len() > Self::MAX_PREFIX_LEN
            || !self.prefix.bytes().all(fits)
        {
            return Err(StorageError::new(
                "the prefix of a MongoDB storage is 1 to 64 letters, digits or one of . _ - :",
            ));
        }
        Ok(())
    }
}

fn concern(majority: bool) -> WriteConcern {
    if majority { WriteConcern::majority() } else { WriteConcern::nodes(1) }
}

/// Shows neither the URI nor the credentials: both may hold a password.
impl fmt::Debug for MongoStorageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStorageBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
