//! Connections to the primary that sentinels report.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, Value};
use tokio::time::timeout;

use super::connection::{ConnectOptions, Connection, Endpoint};
use crate::storage::address::{self, Address};

/// The sentinels of a primary.
///
/// Each new connection begins with a query to them, so also each one that replaces a lost connection or one to a
/// replica.
pub(super) struct Sentinels {
    addresses: Vec<Address>,
    name: String,
    sentinel_options: ConnectOptions,
    primary_options: Arc<ConnectOptions>,
    /// The limit of time for all queries and the connection together.
    connect_timeout: Duration,
    /// The index of the sentinel that returned the primary the last time.
    last: AtomicUsize,
}

impl Sentinels {
    pub(super) fn new(
        addresses: Vec<Address>,
        name: String,
        sentinel_options: ConnectOptions,
        primary_options: Arc<ConnectOptions>,
        connect_timeout: Duration,
    ) -> Self {
        let last = AtomicUsize::new(0);
        Self { addresses, name, sentinel_options, primary_options, connect_timeout, last }
    }

    /// Queries one sentinel after the other until one of them leads to a primary.
    ///
    /// Each has an equal share of the time.
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        let all = self.addresses.len();
        let first = self.last.load(Ordering::Relaxed);
        let (mut last_error, mut is_unknown) = (String::new(), true);
        for place in (first..first + all).map(|place| place % all) {
            match self.connect_through(&self.addresses[place]).await {
                Ok(connection) => {
                    self.last.store(place, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) => {
                    is_unknown &= error.kind() == UNKNOWN;
                    last_error = format!("{}: {error}", self.addresses[place]);
                }
            }
        }
        let kind = if is_unknown { UNKNOWN } else { NO_PRIMARY };
        Err((kind, "no sentinel led to a primary; the last error is", last_error).into())
    }

    async fn connect_through(&self, sentinel: &Address) -> RedisResult<Connection> {
        let address = self.in_time(self.query(sentinel)).await?;
        self.in_time(self.connect_to(address)).await
    }

    async fn query(&self, sentinel: &Address) -> RedisResult<Address> {
        let connection = self.sentinel_options.connect(&Endpoint::Tcp(sentinel.clone())).await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        let answer = connection.send(&command).await?.extract_error()?;
        let primary = Option::<(String, u16)>::from_redis_value(answer)?;
        let (host, port) = primary.ok_or_else(|| RedisError::from((UNKNOWN, "unknown name of a primary")))?;
        Ok(Address::new(host, port))
    }

    /// Connects to a primary.
    ///
    /// A sentinel that was cut off may return a server that is a replica by now.
    async fn connect_to(&self, address: Address) -> RedisResult<Connection> {
        let connection = self.primary_options.connect(&Endpoint::Tcp(address)).await?;
        match connection.send(&redis::cmd("ROLE")).await?.extract_error() {
            Ok(role) if is_replica(&role) => Err((NO_PRIMARY, "the server it returned is a replica").into()),
            // The user may lack the permission for `ROLE`. A replica rejects the first write.
            Ok(_) | Err(_) => Ok(connection),
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        let steps = u32::try_from(self.addresses.len() + 1).unwrap_or(u32::MAX);
        let too_late = |_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
        timeout(self.connect_timeout / steps, work).await.unwrap_or_else(too_late)
    }
}

fn is_replica(role: &Value) -> bool {
    let Value::Array(role) = role else { return false };
    role.first().is_some_and(|role| match role {
        Value::BulkString(role) => role != b"master",
        Value::SimpleString(role) => role != "master",
        _ => false,
    })
}

const UNKNOWN: ErrorKind = ErrorKind::MasterNameNotFoundBySentinel;
const NO_PRIMARY: ErrorKind = ErrorKind::NoValidReplicasFoundBySentinel;

/// Shows addresses, never credentials, nor the name of the primary: a misplaced password would be one.
impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sentinels {}", address::list(&self.addresses))
    }
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
