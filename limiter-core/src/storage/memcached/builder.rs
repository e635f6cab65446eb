use std::{fmt, sync::Arc, time::Duration};

use super::{MemcachedStorage, address, desk::Desk, line::Lines, value};
use crate::storage::StorageError;

const DEFAULT_PREFIX: &str = "ratelimit";

/// How long an attempt to connect may take. Requests do not wait for it.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Puts a [`MemcachedStorage`] together.
///
/// ```
/// use limiter_core::storage::MemcachedStorage;
///
/// let servers = "memcached://cache-1.example.com,cache-2.example.com:11212";
/// let storage = MemcachedStorage::builder(servers).prefix("shop").build()?;
/// # let _ = storage;
/// # Ok::<(), limiter_core::storage::StorageError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct MemcachedStorageBuilder {
    uri: String,
    prefix: String,
    connect_timeout: Duration,
}

impl MemcachedStorageBuilder {
    /// The longest prefix in bytes.
    pub const MAX_PREFIX_LEN: usize = 64;

    pub(super) fn new(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            prefix: DEFAULT_PREFIX.to_owned(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        }
    }

    /// What all keys begin with: letters, digits and `.`, `_`, `-`, `:`; `ratelimit` unless set. Storages of
    /// the same servers that shall not share counts need different ones; another one is also the way to begin
    /// anew, since [`reset`](crate::storage::Storage::reset) is an error.
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

    /// Builds the storage. It does not connect yet.
    ///
    /// # Errors
    ///
    /// When the URI is not one of those that [`MemcachedStorage::new`] takes, and when the prefix holds other
    /// characters or is too long.
    pub fn build(self) -> Result<MemcachedStorage, StorageError> {
        self.check_prefix()?;
        let servers = address::read(&self.uri)?;
        let lines = servers.iter().map(|server| Lines::new(server.clone(), self.connect_timeout)).collect();
        Ok(MemcachedStorage {
            desk: Arc::new(Desk::new(lines)),
            servers: servers.into(),
            prefix: format!("{}:{}:", self.prefix, value::VERSION).into(),
        })
    }

    fn check_prefix(&self) -> Result<(), StorageError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        if self.prefix.is_empty()
            || self.prefix.len() > Self::MAX_PREFIX_LEN
            || !self.prefix.bytes().all(fits)
        {
            return Err(StorageError::new(
                "the prefix of a memcached storage is 1 to 64 letters, digits or one of . _ - :",
            ));
        }
        Ok(())
    }
}

/// Does not show the URI: it may hold a password, by mistake.
impl fmt::Debug for MemcachedStorageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedStorageBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
