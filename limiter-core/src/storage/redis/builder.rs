use std::{fmt, fs, path::Path, sync::Arc, time::Duration};

use redis::{ProtocolVersion, RedisConnectionInfo};

#[cfg(feature = "redis-cluster")]
use super::cluster::Cluster;
#[cfg(feature = "redis-sentinel")]
use super::sentinel::Sentinels;
use super::{
    RedisStorage,
    dial::{Dial, Server, Way},
    line::Lines,
    link::Link,
    tls::Tls,
    uri::{Login, Target, Uri},
};
use crate::storage::StorageError;

pub(super) const DEFAULT_PREFIX: &str = "ratelimit";

/// How long an attempt to connect may take. Requests do not wait for it.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Puts a [`RedisStorage`] together. What is set here goes before what the URI says.
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

/// What TLS needs, in PEM.
#[derive(Clone, Default)]
pub(super) struct Certificates {
    pub(super) ca: Option<Vec<u8>>,
    /// A certificate and its key.
    pub(super) client: Option<(Vec<u8>, Vec<u8>)>,
}

impl RedisStorageBuilder {
    /// The longest prefix in bytes.
    pub const MAX_PREFIX_LEN: usize = 64;

    pub(super) fn new(uri: &str) -> Self {
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

    /// What all keys begin with: letters, digits and `.`, `_`, `-`, `:`; `ratelimit` unless set. Storages of
    /// one server that shall not share counts, or be reset together, need different ones.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// How long an attempt to connect may take, 2 s unless set; behind sentinels, all that are asked included.
    /// It goes on in the background: no request waits longer for it than it waits for an answer.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// The user and the password, instead of those in the URI. The user is `default` unless the server has
    /// others.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some(Login { user: Some(user.into()), password: Some(password.into()) });
        self
    }

    /// The user and the password for the sentinels, which have their own: those of the server are never shown
    /// to them.
    #[cfg(feature = "redis-sentinel")]
    pub fn sentinel_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.sentinel_login = Some(Login { user: Some(user.into()), password: Some(password.into()) });
        self
    }

    /// The number of the database, instead of the one in the URI. A cluster has none but 0.
    pub fn database(mut self, number: u32) -> Self {
        self.database = Some(number);
        self
    }

    /// The certificates, in PEM, of those who may vouch for the server, instead of those that the system
    /// trusts.
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

    /// The certificate, with those between it and its CA, and its private key, both in PEM, for a server that
    /// asks for them.
    #[cfg(feature = "redis-tls")]
    pub fn client_certificate(mut self, pem: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.certificates.client = Some((pem.into(), key.into()));
        self
    }

    /// Builds the storage. It reads the files that the URI names, and does not connect yet.
    ///
    /// # Errors
    ///
    /// When the URI is not one of those that [`RedisStorage::new`] takes, or needs a feature that is not
    /// enabled; when the prefix holds other characters or is too long; when certificates cannot be used, or
    /// were given for a connection without TLS.
    pub fn build(mut self) -> Result<RedisStorage, StorageError> {
        let uri = Uri::parse(&self.uri)?;
        let prefix = self.prefix.take().or_else(|| uri.prefix.clone());
        let prefix = prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
        check_prefix(&prefix)?;
        let link = self.link(uri)?;
        Ok(RedisStorage::with_link(link, &prefix))
    }

    fn link(self, uri: Uri) -> Result<Link, StorageError> {
        let patience = self.connect_timeout.or(uri.connect_timeout).unwrap_or(DEFAULT_CONNECT_TIMEOUT);
        let tls = tls(&uri, self.certificates)?;
        let database = self.database.or(uri.database);
        let login = settings(&self.login.unwrap_or(uri.login), database, uri.speaks_resp3);
        let way = Arc::new(Way { tls: tls.clone(), login });
        let server = match uri.target {
            Target::Server(address) => Server::Tcp(address),
            Target::Socket(path) => Server::Socket(path),
            #[cfg(feature = "redis-sentinel")]
            Target::Sentinels { sentinels, name } => {
                let login = self.sentinel_login.unwrap_or(uri.sentinel_login);
                let to_sentinels = Way { tls, login: settings(&login, None, uri.speaks_resp3) };
                let sentinels = Sentinels::new(sentinels, name, to_sentinels, way, patience);
                return Ok(Link::Own(Lines::new(Dial::Sentinels(sentinels), patience)));
            }
            #[cfg(feature = "redis-cluster")]
            Target::Cluster(nodes) => {
                if database.is_some_and(|number| number != 0) {
                    return Err(StorageError::new("a Redis cluster has no databases but 0"));
                }
                return Ok(Link::Cluster(Arc::new(Cluster::new(nodes, way, patience))));
            }
            #[cfg(not(all(feature = "redis-sentinel", feature = "redis-cluster")))]
            _ => return Err(StorageError::new("this address needs another feature")),
        };
        Ok(Link::Own(Lines::new(Dial::Server(server, way), patience)))
    }
}

fn check_prefix(prefix: &str) -> Result<(), StorageError> {
    // Braces would make a cluster keep all clients in one slot.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    let most = RedisStorageBuilder::MAX_PREFIX_LEN;
    if prefix.is_empty() || prefix.len() > most || !prefix.bytes().all(fits) {
        return Err(StorageError::new(
            "the prefix of a Redis storage is 1 to 64 letters, digits or one of . _ - :",
        ));
    }
    Ok(())
}

fn tls(uri: &Uri, mut certificates: Certificates) -> Result<Option<Tls>, StorageError> {
    if let (Some(path), None) = (&uri.ca, &certificates.ca) {
        certificates.ca = Some(read(path)?);
    }
    if certificates.client.is_none() {
        certificates.client = match (&uri.certificate, &uri.key) {
            (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
            (None, None) => None,
            _ => return Err(StorageError::new("a client certificate needs both `cert` and `key`")),
        };
    }
    if uri.is_private {
        return Tls::new(&certificates).map(Some);
    }
    if certificates.ca.is_some() || certificates.client.is_some() {
        return Err(StorageError::new(
            "certificates need an address that begins with rediss:// or valkeys://",
        ));
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Vec<u8>, StorageError> {
    let unreadable = StorageError::new("a file with certificates or a key cannot be read");
    fs::read(path).map_err(|error| unreadable.with_source(format!("{}: {error}", path.display())))
}

fn settings(login: &Login, database: Option<u32>, speaks_resp3: bool) -> RedisConnectionInfo {
    let mut settings = RedisConnectionInfo::default().set_db(database.unwrap_or(0).into());
    if let Some(user) = &login.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &login.password {
        settings = settings.set_password(password);
    }
    if speaks_resp3 { settings.set_protocol(ProtocolVersion::RESP3) } else { settings }
}

/// Shows neither the URI nor the credentials: both may hold a password.
impl fmt::Debug for RedisStorageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStorageBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
