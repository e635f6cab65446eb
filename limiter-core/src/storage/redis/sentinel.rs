//! The primary that sentinels name.

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

use super::dial::{Connection, Server, Way};
use crate::storage::address::Address;

/// Servers that know which server is the primary of this name now.
///
/// They are asked whenever a connection is made, and so whenever one was lost or led to a replica.
pub(super) struct Sentinels {
    addresses: Vec<Address>,
    name: String,
    /// To the sentinels.
    way: Way,
    primary: Arc<Way>,
    /// How long all of it may take.
    patience: Duration,
    /// The place of the one that knew it the last time.
    last: AtomicUsize,
}

impl Sentinels {
    pub(super) fn new(
        addresses: Vec<Address>,
        name: String,
        way: Way,
        primary: Arc<Way>,
        patience: Duration,
    ) -> Self {
        Self { addresses, name, way, primary, patience, last: AtomicUsize::new(0) }
    }

    /// Asks one sentinel after the other until one of them leads to a primary. None may use up the time of the
    /// others.
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        let all = self.addresses.len();
        let first = self.last.load(Ordering::Relaxed);
        let (mut said, mut is_unknown) = (String::new(), true);
        for place in (first..first + all).map(|place| place % all) {
            match self.connect_through(&self.addresses[place]).await {
                Ok(connection) => {
                    self.last.store(place, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) => {
                    is_unknown &= error.kind() == UNKNOWN;
                    said = format!("{}: {error}", self.addresses[place]);
                }
            }
        }
        let kind = if is_unknown { UNKNOWN } else { NO_PRIMARY };
        Err((kind, "no sentinel led to a primary; the last one said", said).into())
    }

    async fn connect_through(&self, sentinel: &Address) -> RedisResult<Connection> {
        let address = self.in_time(self.tell(sentinel)).await?;
        self.in_time(self.connect_to(address)).await
    }

    async fn tell(&self, sentinel: &Address) -> RedisResult<Address> {
        let connection = self.way.connect(&Server::Tcp(sentinel.clone())).await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        let answer = connection.ask(&command, false).await?.extract_error()?;
        let told = Option::<(String, u16)>::from_redis_value(answer)?;
        let (host, port) = told.ok_or_else(|| RedisError::from((UNKNOWN, "it knows no such name")))?;
        Ok(Address::new(host, port))
    }

    /// A sentinel that was cut off may name one that is a replica by now.
    async fn connect_to(&self, address: Address) -> RedisResult<Connection> {
        let connection = self.primary.connect(&Server::Tcp(address)).await?;
        match connection.ask(&redis::cmd("ROLE"), false).await?.extract_error() {
            Ok(role) if is_replica(&role) => Err((NO_PRIMARY, "the server it named is a replica").into()),
            // Some users may not ask. A replica will say so when it is to write.
            Ok(_) | Err(_) => Ok(connection),
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        let steps = u32::try_from(self.addresses.len() + 1).unwrap_or(u32::MAX);
        let too_late = |_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
        timeout(self.patience / steps, work).await.unwrap_or_else(too_late)
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

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels")
            .field("addresses", &self.addresses)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
