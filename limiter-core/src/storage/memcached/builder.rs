use std::{fmt, sync::Arc, time::Duration};

use super::{MemcachedStorage, connection::ServerConnections, record, servers::Servers, uri};
use crate::storage::{StorageError, key_prefix};

const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A builder of [`MemcachedStorage`].
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
    pub const MAX_PREFIX_LEN: usize = key_prefix::MAX_LEN;

    /// Sets the prefix of all keys: letters, digits and `.`, `_`, `-`, `:`. Defaults to `ratelimit`.
    ///
    /// Storages of the same servers need different prefixes to have separate counts. A new prefix also starts all
    /// counts from zero, which [`reset`](crate::storage::Storage::reset) cannot do here.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the timeout of an attempt to connect. Defaults to 2 s.
    ///
    /// The attempt runs in the background. Behind a deadline, no request waits longer for it than for a reply.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Builds the storage, without connecting.
    ///
    /// # Errors
    ///
    /// If the URI is not one that [`MemcachedStorage::new`] accepts, or the prefix is too long or has other
    /// characters.
    pub fn build(self) -> Result<MemcachedStorage, StorageError> {
        key_prefix::check(&self.prefix)?;
        let addresses = uri::parse(&self.uri)?;
        let connections =
            addresses.iter().map(|it| ServerConnections::new(it.clone(), self.connect_timeout)).collect();
        Ok(MemcachedStorage {
            servers: Arc::new(Servers::new(connections)),
            addresses: addresses.into(),
            prefix: format!("{}:{}:", self.prefix, record::VERSION).into(),
        })
    }
}

impl MemcachedStorage {
    /// Creates a storage from a URI of at most 100 servers, `memcached://host[:port][,host[:port]]..`.
    ///
    /// The port defaults to 11211. IPv6 addresses need brackets.
    ///
    /// # Errors
    ///
    /// If the URI is invalid. An unreachable server is an error only when the storage is used.
    pub fn new(uri: &str) -> Result<Self, StorageError> {
        Self::builder(uri).build()
    }

    /// Returns a builder for a storage with options.
    pub fn builder(uri: &str) -> MemcachedStorageBuilder {
        MemcachedStorageBuilder {
            uri: uri.to_owned(),
            prefix: key_prefix::DEFAULT.to_owned(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        }
    }
}

/// Shows no URI: it may contain a password by mistake.
impl fmt::Debug for MemcachedStorageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedStorageBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
