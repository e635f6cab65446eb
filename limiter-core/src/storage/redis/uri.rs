//! The addresses of storages, as texts.

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

use percent_encoding::percent_decode_str;

use crate::storage::{StorageError, address::Address};

/// What an address says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uri {
    pub(super) target: Target,
    pub(super) is_private: bool,
    pub(super) login: Login,
    pub(super) sentinel_login: Login,
    pub(super) database: Option<u32>,
    pub(super) speaks_resp3: bool,
    pub(super) prefix: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    /// Paths of files with certificates, and with a key.
    pub(super) ca: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
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

/// How many servers an address may name.
const MAX_HOSTS: usize = 64;

impl Uri {
    pub(super) fn parse(text: &str) -> Result<Self, StorageError> {
        let (scheme, rest) = text.split_once("://").ok_or(NOT_AN_ADDRESS)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (family, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let is_private = match family {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" if kind != "unix" => true,
            _ => return Err(NOT_AN_ADDRESS),
        };
        check_features(is_private, kind)?;
        let mut uri = Self { is_private, ..Self::default() };
        match kind {
            "" => uri.server(rest),
            "unix" => uri.socket(rest),
            "sentinel" => uri.sentinels(rest),
            "cluster" => uri.cluster(rest),
            _ => Err(NOT_AN_ADDRESS),
        }?;
        for (name, value) in query.split('&').filter(|it| !it.is_empty()).map(parameter) {
            uri.set(name, decoded(value)?)?;
        }
        Ok(uri)
    }

    fn server(&mut self, rest: &str) -> Result<(), StorageError> {
        let (hosts, path) = self.hosts(rest, REDIS_PORT)?;
        let [host] = <[_; 1]>::try_from(hosts).map_err(|_| ONE_SERVER)?;
        self.target = Target::Server(host);
        self.set_path_database(path)
    }

    fn socket(&mut self, path: &str) -> Result<(), StorageError> {
        if !path.starts_with('/') {
            return Err(StorageError::new("expected redis+unix:// and the whole path of a socket"));
        }
        self.target = Target::Socket(decoded(path)?.into());
        Ok(())
    }

    fn sentinels(&mut self, rest: &str) -> Result<(), StorageError> {
        let (sentinels, path) = self.hosts(rest, SENTINEL_PORT)?;
        let (name, database) = path.split_once('/').unwrap_or((path, ""));
        let name = decoded(name)?;
        if name.is_empty() {
            return Err(StorageError::new("expected the name of the primary behind the sentinels: /NAME"));
        }
        self.target = Target::Sentinels { sentinels, name };
        self.set_path_database(database)
    }

    fn cluster(&mut self, rest: &str) -> Result<(), StorageError> {
        let (nodes, path) = self.hosts(rest, REDIS_PORT)?;
        if !matches!(path, "" | "0") {
            return Err(NO_DATABASES);
        }
        self.target = Target::Cluster(nodes);
        Ok(())
    }

    /// Reads `[user[:password]@]host,host[/path]`; returns the hosts and the path.
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
            "db" if matches!(self.target, Target::Cluster(_)) && value != "0" => return Err(NO_DATABASES),
            "db" => self.database = Some(value.parse().map_err(|_| NOT_A_DATABASE)?),
            "user" => self.login.user = Some(value),
            "pass" => self.login.password = Some(value),
            "sentinel_user" => self.sentinel_login.user = Some(value),
            "sentinel_pass" => self.sentinel_login.password = Some(value),
            "protocol" => self.speaks_resp3 = speaks_resp3(&value)?,
            "prefix" => self.prefix = Some(value),
            "connect_timeout_ms" => {
                let millis: NonZeroU64 = value.parse().map_err(|_| NO_TIMEOUT)?;
                self.connect_timeout = Some(Duration::from_millis(millis.get()));
            }
            "ca" => self.ca = Some(value.into()),
            "cert" => self.certificate = Some(value.into()),
            "key" => self.key = Some(value.into()),
            _ => {
                let error = StorageError::new("the address of the storage has an unknown parameter");
                return Err(error.with_source(shown(name)));
            }
        }
        Ok(())
    }
}

impl Default for Target {
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

fn check_features(is_private: bool, kind: &str) -> Result<(), StorageError> {
    let missing = match kind {
        _ if is_private && !cfg!(feature = "redis-tls") => "rediss:// needs the feature `redis-tls`",
        "sentinel" if !cfg!(feature = "redis-sentinel") => {
            "redis+sentinel:// needs the feature `redis-sentinel`"
        }
        "cluster" if !cfg!(feature = "redis-cluster") => "redis+cluster:// needs the feature `redis-cluster`",
        _ => return Ok(()),
    };
    Err(StorageError::new(missing))
}

fn parameter(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

/// The beginning of a name: it may be half of a secret with unescaped characters.
fn shown(name: &str) -> String {
    let is_word = name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { name.to_owned() } else { "not shown: it may be part of a password".to_owned() }
}

fn speaks_resp3(value: &str) -> Result<bool, StorageError> {
    match value {
        "3" | "resp3" => Ok(true),
        "2" | "resp2" => Ok(false),
        _ => Err(StorageError::new("expected the protocol resp2 or resp3")),
    }
}

fn decoded(text: &str) -> Result<String, StorageError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| StorageError::new("expected UTF-8 behind the %XX of the address"))
}

const NOT_AN_ADDRESS: StorageError = StorageError::new(
    "expected an address that begins with redis://, rediss://, redis+unix://, redis+sentinel:// or \
     redis+cluster://, or the same with valkey",
);
const NO_HOST: StorageError = StorageError::new("expected host:port in the address of the Redis server");
const ONE_SERVER: StorageError =
    StorageError::new("expected one server; several need redis+sentinel:// or redis+cluster://");
const NO_TIMEOUT: StorageError =
    StorageError::new("expected `connect_timeout_ms` to be milliseconds, at least 1");
const NOT_A_DATABASE: StorageError = StorageError::new("expected the number of a database");
const NO_DATABASES: StorageError = StorageError::new("a Redis cluster has no databases but 0");

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: Option<&str>, password: Option<&str>) -> Login {
        Login { user: user.map(Into::into), password: password.map(Into::into) }
    }

    #[test]
    fn servers_and_sockets() {
        let uri = Uri::parse("redis://me:a%3Ab%40c@host:7/2?protocol=resp3&prefix=p&connect_timeout_ms=9");
        let expected = Uri {
            target: Target::Server(Address::new("host", 7)),
            login: login(Some("me"), Some("a:b@c")),
            database: Some(2),
            speaks_resp3: true,
            prefix: Some("p".into()),
            connect_timeout: Some(Duration::from_millis(9)),
            ..Uri::default()
        };
        assert_eq!(uri.unwrap(), expected);
        let uri = Uri::parse("valkey+unix:///run/a%20b.sock?db=3&user=me&pass=it%26s").unwrap();
        assert_eq!(uri.target, Target::Socket("/run/a b.sock".into()));
        assert_eq!((uri.login, uri.database), (login(Some("me"), Some("it&s")), Some(3)));
        assert_eq!(Uri::parse("redis://:x@h").unwrap().login, login(None, Some("x")));
    }

    #[cfg(feature = "redis-sentinel")]
    #[test]
    fn sentinels() {
        let uri = Uri::parse("redis+sentinel://:x@a,b:1,[::1]:2/my%20name/4?sentinel_pass=y").unwrap();
        let sentinels = vec![Address::new("a", 26379), Address::new("b", 1), Address::new("::1", 2)];
        assert_eq!(uri.target, Target::Sentinels { sentinels, name: "my name".into() });
        assert_eq!((uri.login, uri.sentinel_login), (login(None, Some("x")), login(None, Some("y"))));
        assert_eq!(uri.database, Some(4));
        assert!(Uri::parse("redis+sentinel://a,b").is_err(), "it has no name");
    }

    #[cfg(feature = "redis-cluster")]
    #[test]
    fn clusters() {
        let uri = Uri::parse("valkey+cluster://a:1,b").unwrap();
        assert_eq!(uri.target, Target::Cluster(vec![Address::new("a", 1), Address::new("b", 6379)]));
        for uri in ["redis+cluster://a/1", "redis+cluster://a?db=1"] {
            assert!(Uri::parse(uri).unwrap_err().to_string().contains("no databases"), "{uri}");
        }
    }

    #[cfg(feature = "redis-tls")]
    #[test]
    fn certificates() {
        let uri = Uri::parse("rediss://a?ca=/a.pem&cert=b.pem&key=c.pem").unwrap();
        assert!(uri.is_private);
        assert_eq!(
            [uri.ca, uri.certificate, uri.key],
            ["/a.pem", "b.pem", "c.pem"].map(|it| Some(it.into()))
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        for uri in [
            "",
            "redis",
            "http://:secret@a",
            "redis://:secret@",
            "redis://:secret@a,b",
            "redis://:secret@a/x",
            "redis://a?secret",
            "redis://:secret@a?protocol=4",
            "redis+unix://secret",
            "rediss+unix:///secret",
            "redis+nothing://:secret@a",
            "redis://%FF:secret@a",
            "redis://a?connect_timeout_ms=secret",
            "redis://:secret@a?connect_timeout_ms=0",
        ] {
            let error = Uri::parse(uri).unwrap_err();
            // A word without a value can be nothing but a name.
            let is_name = uri == "redis://a?secret";
            assert_eq!(format!("{error} {error:?}").contains("secret"), is_name, "{uri}: {error:?}");
        }
        let error = Uri::parse(&format!("redis://{}", ["a"; MAX_HOSTS + 1].join(","))).unwrap_err();
        assert!(error.to_string().contains("host:port"));
    }

    #[cfg(not(any(feature = "redis-tls", feature = "redis-sentinel", feature = "redis-cluster")))]
    #[test]
    fn the_missing_feature_is_named() {
        for (uri, feature) in [
            ("rediss://a", "`redis-tls`"),
            ("valkeys://a", "`redis-tls`"),
            ("redis+sentinel://a/b", "`redis-sentinel`"),
            ("valkey+cluster://a", "`redis-cluster`"),
        ] {
            let error = Uri::parse(uri).unwrap_err();
            assert!(error.to_string().contains(feature), "{error}");
        }
    }
}
