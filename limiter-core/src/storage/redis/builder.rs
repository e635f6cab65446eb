use std::{fmt, sync::Arc, time::Duration};

use redis::{ProtocolVersion, RedisConnectionInfo, aio::ConnectionLike};

#[cfg(feature = "redis-cluster")]
use super::cluster::Cluster;
#[cfg(feature = "redis-sentinel")]
use super::sentinel::Sentinels;
use super::{
    RedisStorage,
    certificates::Certificates,
    client::Client,
    connection::{ConnectOptions, Endpoint},
    connector::Connector,
    pool::ConnectionPool,
    tls::Tls,
    uri::{Deployment, Login, Uri},
};
use crate::storage::{StorageError, key_prefix};

/// The default time limit of an attempt to connect. Requests do not wait for it.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

impl RedisStorage {
    /// Creates a storage from a URI.
    ///
    /// * `redis://[[user][:password]@]host[:port][/database]`
    /// * `redis+unix:///path/to/socket`
    /// * `rediss://..`, the same as `redis://` over TLS, with the feature `redis-tls`
    /// * `redis+sentinel://[[user][:password]@]sentinel[:port],sentinel[:port],../name[/database]`: the primary that
    ///   sentinels monitor under this name, with the feature `redis-sentinel`
    /// * `redis+cluster://[[user][:password]@]node[:port],node[:port],..`: a cluster, by some of its nodes, with the
    ///   feature `redis-cluster`
    ///
    /// `valkey` may replace `redis`, and `valkeys` may replace `rediss`. `rediss+sentinel` and `rediss+cluster` use
    /// TLS. In names and passwords, write characters other than plain letters and digits as `%XX`.
    ///
    /// Parameters may follow a `?`, separated by `&`: `db`, `user`, `pass`, `sentinel_user`, `sentinel_pass`,
    /// `protocol` (`resp2` or `resp3`), `prefix`, `connect_timeout_ms`. For TLS, `ca`, `cert` and `key` are paths of
    /// PEM files. The [builder](Self::builder) sets the same in code.
    ///
    /// # Errors
    ///
    /// Returns an error if the URI is invalid or requires a feature that is not enabled. The storage connects when
    /// it is first used, so an unreachable server is no error here.
    pub fn new(uri: &str) -> Result<Self, StorageError> {
        Self::builder(uri).build()
    }

    /// Creates a builder, which adds options to a URI.
    pub fn builder(uri: &str) -> RedisStorageBuilder {
        RedisStorageBuilder::new(uri)
    }

    /// Creates a storage that uses a connection of the `redis` crate.
    ///
    /// The connection may be a `MultiplexedConnection`, a `ConnectionManager`, the connection of a cluster, or a
    /// pool behind a type of your own. The storage does not reconnect by itself.
    pub fn from_connection<C>(connection: C) -> Self
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
    {
        Self::with_client(Client::User(Box::new(connection)), key_prefix::DEFAULT)
    }
}

/// A builder of a [`RedisStorage`]. Its options override those of the URI.
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
    prefix: Option<String>,
    connect_timeout: Option<Duration>,
    login: Option<Login>,
    #[cfg(feature = "redis-sentinel")]
    sentinel_login: Option<Login>,
    database: Option<u32>,
    certificates: Certificates,
}

impl RedisStorageBuilder {
    /// The maximum length of a prefix, in bytes.
    pub const MAX_PREFIX_LEN: usize = key_prefix::MAX_LEN;

    fn new(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            prefix: None,
            connect_timeout: None,
            login: None,
            #[cfg(feature = "redis-sentinel")]
            sentinel_login: None,
            database: None,
            certificates: Certificates::default(),
        }
    }

    /// Sets the prefix of all keys: letters, digits and `.`, `_`, `-`, `:`. Defaults to `ratelimit`.
    ///
    /// Storages on one server with equal prefixes share their counts and are reset together.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Sets the time limit of an attempt to connect. Defaults to 2 s.
    ///
    /// With sentinels, the limit includes all queries to them. The attempt runs in the background, and requests
    /// wait for it no longer than for an answer.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Sets the user and the password. Most servers have only the user `default`.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some(Login { user: Some(user.into()), password: Some(password.into()) });
        self
    }

    /// Sets the user and the password for the sentinels. Those of the server are never sent to them.
    #[cfg(feature = "redis-sentinel")]
    pub fn sentinel_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.sentinel_login = Some(Login { user: Some(user.into()), password: Some(password.into()) });
        self
    }

    /// Sets the number of the database. Defaults to 0, the only one of a cluster.
    pub fn database(mut self, number: u32) -> Self {
        self.database = Some(number);
        self
    }

    /// Sets the certificates of trusted CAs, in PEM. Defaults to those of the system.
    ///
    /// ```no_run
    /// use limiter_core::storage::RedisStorage;
    ///
    /// let ca = std::fs::read("/etc/redis/ca.pem")?;
    /// let storage = RedisStorage::builder("rediss://cache.example.com:6380").ca_certificates(ca).build()?;
    /// # let _ = storage;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "redis-tls")]
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.ca = Some(pem.into());
        self
    }

    /// Sets the client certificate and its private key, both in PEM, for a server that requires them.
    ///
    /// The certificates between it and its CA follow it in the same text.
    #[cfg(feature = "redis-tls")]
    pub fn client_certificate(mut self, pem: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.certificates.client = Some((pem.into(), key.into()));
        self
    }

    /// Builds the storage. It reads the files that the URI names, and does not connect yet.
    ///
    /// # Errors
    ///
    /// Returns an error if
    ///
    /// * the URI is invalid (see [`RedisStorage::new`]) or requires a feature that is not enabled;
    /// * the prefix is too long or contains other characters;
    /// * a certificate is invalid, or is set for a connection without TLS.
    pub fn build(mut self) -> Result<RedisStorage, StorageError> {
        let uri = Uri::parse(&self.uri)?;
        let prefix = self.prefix.take().or_else(|| uri.prefix.clone());
        let prefix = prefix.unwrap_or_else(|| key_prefix::DEFAULT.to_owned());
        key_prefix::check(&prefix)?;
        let client = self.client(uri)?;
        Ok(RedisStorage::with_client(client, &prefix))
    }

    fn client(self, uri: Uri) -> Result<Client, StorageError> {
        let timeout = self.connect_timeout.or(uri.connect_timeout).unwrap_or(DEFAULT_CONNECT_TIMEOUT);
        let tls = tls(&uri, self.certificates)?;
        let database = self.database.or(uri.database);
        let login = connection_info(&self.login.unwrap_or(uri.login), database, uri.uses_resp3);
        let options = Arc::new(ConnectOptions { tls: tls.clone(), login });
        let endpoint = match uri.deployment {
            Deployment::Server(address) => Endpoint::Tcp(address),
            Deployment::Socket(path) => Endpoint::Socket(path),
            #[cfg(feature = "redis-sentinel")]
            Deployment::Sentinels { sentinels, name } => {
                let login = self.sentinel_login.unwrap_or(uri.sentinel_login);
                let login = connection_info(&login, None, uri.uses_resp3);
                let sentinel_options = ConnectOptions { tls, login };
                let sentinels = Sentinels::new(sentinels, name, sentinel_options, options, timeout);
                return Ok(Client::Pool(ConnectionPool::new(Connector::Sentinels(sentinels), timeout)));
            }
            #[cfg(feature = "redis-cluster")]
            Deployment::Cluster(nodes) => {
                if database.is_some_and(|number| number != 0) {
                    return Err(super::uri::NO_DATABASES);
                }
                return Ok(Client::Cluster(Arc::new(Cluster::new(nodes, options, timeout))));
            }
            #[cfg(not(all(feature = "redis-sentinel", feature = "redis-cluster")))]
            _ => return Err(StorageError::new("the URI of the Redis server requires another feature")),
        };
        Ok(Client::Pool(ConnectionPool::new(Connector::Server(endpoint, options), timeout)))
    }
}

fn tls(uri: &Uri, certificates: Certificates) -> Result<Option<Tls>, StorageError> {
    let certificates = certificates.or_files_of(uri)?;
    if uri.uses_tls {
        return Tls::new(&certificates).map(Some);
    }
    if !certificates.is_empty() {
        return Err(StorageError::new("certificates require a URI that begins with rediss:// or valkeys://"));
    }
    Ok(None)
}

fn connection_info(login: &Login, database: Option<u32>, uses_resp3: bool) -> RedisConnectionInfo {
    let mut info = RedisConnectionInfo::default().set_db(database.unwrap_or(0).into());
    if let Some(user) = &login.user {
        info = info.set_username(user);
    }
    if let Some(password) = &login.password {
        info = info.set_password(password);
    }
    if uses_resp3 { info.set_protocol(ProtocolVersion::RESP3) } else { info }
}

/// Shows neither the URI nor the credentials, since both may contain a password.
impl fmt::Debug for RedisStorageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStorageBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
