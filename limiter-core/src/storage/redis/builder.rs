use std::{fmt, time::Duration};

use redis::{Client, ConnectionInfo, IntoConnectionInfo, RedisResult};

use super::{RedisStorage, dial::Dial, error, line::Lines, link::Link};
use crate::storage::StorageError;

pub(super) const DEFAULT_PREFIX: &str = "ratelimit";

/// How long an attempt to connect may take. Requests do not wait for it.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Puts a [`RedisStorage`] together.
///
/// ```
/// use limiter_core::storage::RedisStorage;
///
/// let storage = RedisStorage::builder("redis://cache.example.com/2")
///     .prefix("shop")
///     .credentials("limiter", "secret")
///     .build()?;
/// # let _ = storage;
/// # Ok::<(), limiter_core::storage::StorageError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct RedisStorageBuilder {
    uri: String,
    prefix: String,
    connect_timeout: Duration,
    credentials: Option<(String, String)>,
    database: Option<u32>,
}

impl RedisStorageBuilder {
    /// The longest prefix in bytes.
    pub const MAX_PREFIX_LEN: usize = 64;

    pub(super) fn new(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            prefix: DEFAULT_PREFIX.to_owned(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            credentials: None,
            database: None,
        }
    }

    /// What all keys begin with: letters, digits and `.`, `_`, `-`, `:`; `ratelimit` unless set. Storages of
    /// one server that shall not share counts, or be reset together, need different ones.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long an attempt to connect may take, 2 s unless set. It goes on in the background: no request
    /// waits longer for it than it waits for an answer.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The user and the password, instead of those in the URI. The user is `default` unless the server has
    /// others.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// The number of the database, instead of the one in the URI.
    pub fn database(mut self, number: u32) -> Self {
        self.database = Some(number);
        self
    }

    /// Builds the storage. It does not connect yet.
    ///
    /// # Errors
    ///
    /// When the URI is not one of those that [`RedisStorage::new`] takes, or needs a feature that is not
    /// enabled, and when the prefix holds other characters or is too long.
    pub fn build(self) -> Result<RedisStorage, StorageError> {
        self.check_prefix()?;
        let server = self.server().map_err(error::storage)?;
        let client = Client::open(server).map_err(error::storage)?;
        let lines = Lines::new(Dial::Server(client), self.connect_timeout);
        Ok(RedisStorage::with_link(Link::Own(lines), &self.prefix))
    }

    fn check_prefix(&self) -> Result<(), StorageError> {
        // Braces would make a cluster keep all clients in one slot.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        if self.prefix.is_empty()
            || self.prefix.len() > Self::MAX_PREFIX_LEN
            || !self.prefix.bytes().all(fits)
        {
            return Err(StorageError::new(
                "the prefix of a Redis storage is 1 to 64 letters, digits or one of . _ - :",
            ));
        }
        Ok(())
    }

    fn server(&self) -> RedisResult<ConnectionInfo> {
        let info = self.uri.as_str().into_connection_info()?;
        // Answers are short: to collect them before sending costs 40 ms and saves nothing.
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let mut redis = info.redis_settings().clone();
        if let Some((user, password)) = &self.credentials {
            redis = redis.set_username(user).set_password(password);
        }
        if let Some(database) = self.database {
            redis = redis.set_db(database.into());
        }
        Ok(info.set_tcp_settings(tcp).set_redis_settings(redis))
    }
}

/// Shows neither the URI nor the credentials: both may hold a password.
impl fmt::Debug for RedisStorageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStorageBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
