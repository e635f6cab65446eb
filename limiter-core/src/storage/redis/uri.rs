//! The parser of storage URIs.

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

use percent_encoding::percent_decode_str;

use crate::storage::{StorageError, address::Address};

/// A storage URI, parsed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uri {
    pub(super) deployment: Deployment,
    pub(super) uses_tls: bool,
    pub(super) login: Login,
    pub(super) sentinel_login: Login,
    pub(super) database: Option<u32>,
    pub(super) uses_resp3: bool,
    pub(super) prefix: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    /// The paths of files with certificates, and with a key.
    pub(super) ca: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

/// The servers of a storage.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deployment {
    Server(Address),
    Socket(PathBuf),
    Sentinels { sentinels: Vec<Address>, name: String },
    Cluster(Vec<Address>),
}

/// A user and a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// The maximum number of servers in a URI.
const MAX_HOSTS: usize = 64;

impl Uri {
    pub(super) fn parse(text: &str) -> Result<Self, StorageError> {
        let (scheme, rest) = text.split_once("://").ok_or(UNKNOWN_SCHEME)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (family, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let uses_tls = match family {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" if kind != "unix" => true,
            _ => return Err(UNKNOWN_SCHEME),
        };
        check_features(uses_tls, kind)?;
        let mut uri = Self { uses_tls, ..Self::default() };
        match kind {
            "" => uri.server(rest),
            "unix" => uri.socket(rest),
            "sentinel" => uri.sentinels(rest),
            "cluster" => uri.cluster(rest),
            _ => Err(UNKNOWN_SCHEME),
        }?;
        for (name, value) in query.split('&').filter(|it| !it.is_empty()).map(parameter) {
            uri.set(name, decoded(value)?)?;
        }
        Ok(uri)
    }

    fn server(&mut self, rest: &str) -> Result<(), StorageError> {
        let (hosts, path) = self.hosts(rest, REDIS_PORT)?;
        let [host] = <[_; 1]>::try_from(hosts).map_err(|_| ONE_SERVER)?;
        self.deployment = Deployment::Server(host);
        self.set_path_database(path)
    }

    fn socket(&mut self, path: &str) -> Result<(), StorageError> {
        if !path.starts_with('/') {
            return Err(StorageError::new("expected redis+unix:// and the absolute path of a socket"));
        }
        self.deployment = Deployment::Socket(decoded(path)?.into());
        Ok(())
    }

    fn sentinels(&mut self, rest: &str) -> Result<(), StorageError> {
        let (sentinels, path) = self.hosts(rest, SENTINEL_PORT)?;
        let (name, database) = path.split_once('/').unwrap_or((path, ""));
        let name = decoded(name)?;
        if name.is_empty() {
            return Err(StorageError::new("expected /NAME after the sentinels, the name of the primary"));
        }
        self.deployment = Deployment::Sentinels { sentinels, name };
        self.set_path_database(database)
    }

    fn cluster(&mut self, rest: &str) -> Result<(), StorageError> {
        let (nodes, path) = self.hosts(rest, REDIS_PORT)?;
        if !matches!(path, "" | "0") {
            return Err(NO_DATABASES);
        }
        self.deployment = Deployment::Cluster(nodes);
        Ok(())
    }

    /// Parses `[user[:password]@]host,host[/path]`. Returns the hosts and the path.
    fn hosts<'a>(&mut self, rest: &'a str, port: u16) -> Result<(Vec<Address>, &'a str), StorageError> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        self.login = Login::parse(login)?;
        let hosts: Option<Vec<_>> =
            hosts.split(',').take(MAX_HOSTS + 1).map(|host| Address::parse(host, port)).collect();
        let hosts = hosts.filter(|hosts| hosts.len() <= MAX_HOSTS).ok_or(NO_HOST)?;
        Ok((hosts, path))
    }

    fn set_path_database(&mut self, path: &str) -> Result<(), StorageError> {
        if !path.is_empty() {
            self.database = Some(path.parse().map_err(|_| NOT_A_DATABASE)?);
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), StorageError> {
        match name {
            "db" if matches!(self.deployment, Deployment::Cluster(_)) && value != "0" => {
                return Err(NO_DATABASES);
            }
            "db" => self.database = Some(value.parse().map_err(|_| NOT_A_DATABASE)?),
            "user" => self.login.user = Some(value),
            "pass" => self.login.password = Some(value),
            "sentinel_user" => self.sentinel_login.user = Some(value),
            "sentinel_pass" => self.sentinel_login.password = Some(value),
            "protocol" => self.uses_resp3 = parse_protocol(&value)?,
            "prefix" => self.prefix = Some(value),
            "connect_timeout_ms" => {
                let millis: NonZeroU64 = value.parse().map_err(|_| NO_TIMEOUT)?;
                self.connect_timeout = Some(Duration::from_millis(millis.get()));
            }
            "ca" => self.ca = Some(value.into()),
            "cert" => self.certificate = Some(value.into()),
            "key" => self.key = Some(value.into()),
            _ => {
                let error = StorageError::new("unknown parameter in the URI of the Redis storage");
                return Err(error.with_source(printable(name)));
            }
        }
        Ok(())
    }
}

impl Default for Deployment {
    fn default() -> Self {
        Self::Cluster(Vec::new())
    }
}

impl Login {
    fn parse(text: &str) -> Result<Self, StorageError> {
        let (user, password) = text.split_once(':').map_or((text, None), |(user, it)| (user, Some(it)));
        Ok(Self {
            user: Some(decoded(user)?).filter(|user| !user.is_empty()),
            password: password.map(decoded).transpose()?,
        })
    }
}

fn check_features(uses_tls: bool, kind: &str) -> Result<(), StorageError> {
    let missing = match kind {
        _ if uses_tls && !cfg!(feature = "redis-tls") => "rediss:// requires the feature `redis-tls`",
        "sentinel" if !cfg!(feature = "redis-sentinel") => {
            "redis+sentinel:// requires the feature `redis-sentinel`"
        }
        "cluster" if !cfg!(feature = "redis-cluster") => {
            "redis+cluster:// requires the feature `redis-cluster`"
        }
        _ => return Ok(()),
    };
    Err(StorageError::new(missing))
}

fn parameter(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

/// Returns the name of a parameter for an error, unless it may be part of a secret with unescaped characters.
fn printable(name: &str) -> String {
    let is_word = name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word {
        name.to_owned()
    } else {
        "its name is hidden, since it may be part of a password".to_owned()
    }
}

/// Parses the value of `protocol`. Returns whether it is RESP3.
fn parse_protocol(value: &str) -> Result<bool, StorageError> {
    match value {
        "3" | "resp3" => Ok(true),
        "2" | "resp2" => Ok(false),
        _ => Err(StorageError::new("expected the protocol resp2 or resp3")),
    }
}

fn decoded(text: &str) -> Result<String, StorageError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| StorageError::new("expected UTF-8 in the %XX of the URI"))
}

const UNKNOWN_SCHEME: StorageError = StorageError::new(
    "expected a URI that begins with redis://, rediss://, redis+unix://, redis+sentinel:// or \
     redis+cluster://, or the same with valkey",
);
const NO_HOST: StorageError = StorageError::new("expected host:port in the URI of the Redis server");
const ONE_SERVER: StorageError =
    StorageError::new("expected one server; several require redis+sentinel:// or redis+cluster://");
const NO_TIMEOUT: StorageError =
    StorageError::new("expected `connect_timeout_ms` to be milliseconds, at least 1");
const NOT_A_DATABASE: StorageError = StorageError::new("invalid database: expected a number");
pub(super) const NO_DATABASES: StorageError =
    StorageError::new("invalid database: a Redis cluster has no databases but 0");

#[cfg(test)]
mod tests;
