use std::{fmt, time::Duration};

use mongodb::options::{Acknowledgment, ConnectionString, WriteConcern};

use super::{
    MongoStorage,
    client::{ClientConfig, MongoClient},
};
use crate::storage::{StorageError, key_prefix};

const DEFAULT_DATABASE: &str = "ratelimit";
const DEFAULT_COLLECTION: &str = "counts";
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A builder of [`MongoStorage`].
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
    pub const MAX_PREFIX_LEN: usize = key_prefix::MAX_LEN;

    /// Sets the database. Defaults to the one in the URI, or else to `ratelimit`.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Sets the collection, which should contain nothing else. Defaults to `counts`.
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.collection = name.into();
        self
    }

    /// Sets the prefix of all document ids: letters, digits and `.`, `_`, `-`, `:`. Defaults to `ratelimit`.
    ///
    /// Storages of one collection need different prefixes to have separate counts and to be reset separately.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the timeout of an attempt to connect, and of the search for a server that takes writes.
    ///
    /// Defaults to `connectTimeoutMS` and `serverSelectionTimeoutMS` in the URI, or else to 2 s. Both run in the
    /// background. Behind a deadline, no request waits longer for them than for a reply.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the user and the password, instead of those in the URI.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Sets whether a decision waits for a majority of the replica set (`w=majority`) or for the primary alone (`w=1`).
    ///
    /// After a failover no decision of a majority is lost. Defaults to the URI's `w`, or else to the server's default:
    /// the majority since MongoDB 5.0.
    pub fn majority(mut self, majority: bool) -> Self {
        self.majority = Some(majority);
        self
    }

    /// Builds the storage, without connecting.
    ///
    /// # Errors
    ///
    /// If the URI is not one that [`MongoStorage::new`] accepts, or turns acknowledgements off (`w=0`). If a name is
    /// empty, or the prefix is too long or has other characters.
    pub fn build(self) -> Result<MongoStorage, StorageError> {
        key_prefix::check(&self.prefix)?;
        let mut address = self.address()?;
        if let Some((user, password)) = self.credentials {
            let credential = address.credential.get_or_insert_default();
            (credential.username, credential.password) = (Some(user), Some(password));
        }
        let database = self.database.or_else(|| address.default_database.clone());
        let config = ClientConfig {
            address,
            connect_timeout: self.connect_timeout,
            database: database.unwrap_or_else(|| DEFAULT_DATABASE.into()),
            collection: self.collection,
            write_concern: self.majority.map(write_concern),
        };
        if config.database.is_empty() || config.collection.is_empty() {
            return Err(StorageError::new("invalid MongoDB database or collection: the name is empty"));
        }
        Ok(MongoStorage::with_client(MongoClient::new(config), &self.prefix))
    }

    fn address(&self) -> Result<ConnectionString, StorageError> {
        if self.uri.starts_with("mongodb+srv://") {
            return Err(StorageError::new(
                "invalid MongoDB URI: `mongodb+srv://` is not supported; list the servers, as in \
                 `mongodb://a,b,c/?replicaSet=name&tls=true`",
            ));
        }
        let address = ConnectionString::parse(&self.uri).map_err(|error| {
            let invalid = StorageError::new("invalid MongoDB URI");
            // The driver's error may contain the password.
            if self.uri.contains('@') { invalid } else { invalid.with_source(error) }
        })?;
        let unacknowledged = Some(&Acknowledgment::Nodes(0));
        if address.write_concern.as_ref().and_then(|concern| concern.w.as_ref()) == unacknowledged {
            return Err(StorageError::new("invalid MongoDB URI: `w=0` turns acknowledgements off"));
        }
        Ok(address)
    }
}

fn write_concern(majority: bool) -> WriteConcern {
    if majority { WriteConcern::majority() } else { WriteConcern::nodes(1) }
}

impl MongoStorage {
    /// Creates a storage from a URI, `mongodb://[user:password@]host[:port][,...][/[database][?options]]`.
    ///
    /// The options are those of the official driver: `replicaSet`, `tls`, `authSource`, `w`, `maxPoolSize` and others.
    ///
    /// # Errors
    ///
    /// If the URI is invalid, or a `mongodb+srv` one, which needs a lookup. An unreachable server is an error only when
    /// the storage is used.
    pub fn new(uri: &str) -> Result<Self, StorageError> {
        Self::builder(uri).build()
    }

    /// Returns a builder for a storage with options.
    pub fn builder(uri: &str) -> MongoStorageBuilder {
        MongoStorageBuilder {
            uri: uri.to_owned(),
            database: None,
            collection: DEFAULT_COLLECTION.to_owned(),
            prefix: key_prefix::DEFAULT.to_owned(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            credentials: None,
            majority: None,
        }
    }
}

/// Shows neither the URI nor the credentials: both may contain a password.
impl fmt::Debug for MongoStorageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStorageBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
