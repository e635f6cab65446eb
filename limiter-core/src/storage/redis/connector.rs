use std::{fmt, sync::Arc};

use redis::RedisResult;

use super::connection::{ConnectOptions, Connection, Endpoint};
#[cfg(feature = "redis-sentinel")]
use super::sentinel::Sentinels;

/// The way to make a connection.
pub(super) enum Connector {
    /// Connects to one server.
    Server(Endpoint, Arc<ConnectOptions>),
    /// Connects to the primary that sentinels report.
    #[cfg(feature = "redis-sentinel")]
    Sentinels(Sentinels),
}

impl Connector {
    /// Connects to the current server. The caller limits the time.
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        match self {
            Self::Server(endpoint, options) => options.connect(endpoint).await,
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinels(sentinels) => sentinels.connect().await,
        }
    }
}

/// Shows addresses, never credentials.
impl fmt::Display for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(Endpoint::Tcp(address), _) => address.fmt(f),
            Self::Server(Endpoint::Socket(path), _) => path.display().fmt(f),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinels(sentinels) => sentinels.fmt(f),
        }
    }
}

/// Shows addresses, never credentials.
impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(endpoint, _) => endpoint.fmt(f),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinels(sentinels) => sentinels.fmt(f),
        }
    }
}
