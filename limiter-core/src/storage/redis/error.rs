//! What the server or the way to it may answer instead, in words for the operator.

use std::{error::Error, fmt, io, sync::Arc};

use redis::{ErrorKind, RedisError, ServerErrorKind as Server};

use super::tls;
use crate::storage::StorageError;

/// The error of a storage for one of the client.
pub(super) fn storage(error: RedisError) -> StorageError {
    StorageError::new(message(&error)).with_source(error)
}

pub(super) const fn not_understood() -> StorageError {
    StorageError::new("the Redis server answered something else than its script says")
}

/// Whether the connection is of no use any more, or leads to the wrong server.
pub(super) fn is_lost(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || error.kind() == ErrorKind::Server(Server::ReadOnly)
}

/// Whether another node of the cluster should be asked from now on.
#[cfg(feature = "redis-cluster")]
pub(super) fn is_misled(error: &RedisError) -> bool {
    is_lost(error) || matches!(error.kind(), ErrorKind::Server(Server::Moved | Server::ClusterDown))
}

fn message(error: &RedisError) -> &'static str {
    if let Some(message) = inner(error).and_then(tls::message) {
        return message;
    }
    match error.kind() {
        ErrorKind::AuthenticationFailed => "the Redis server refused the user name or the password",
        ErrorKind::Server(kind) => server(kind, error),
        ErrorKind::Extension => extension(error),
        ErrorKind::InvalidClientConfig => "the address of the Redis server cannot be used",
        ErrorKind::MasterNameNotFoundBySentinel => "the sentinels know no primary of this name",
        ErrorKind::NoValidReplicasFoundBySentinel => "no sentinel led to a primary that answers",
        ErrorKind::ClusterConnectionNotFound => "no node of the Redis cluster can be reached",
        ErrorKind::RESP3NotSupported => "the Redis server is too old for RESP3",
        ErrorKind::Io if inner(error).is_some_and(<dyn Error>::is::<NotFound>) => {
            "the name of the Redis server could not be resolved"
        }
        ErrorKind::Io if error.is_connection_refusal() => "the Redis server refused the connection",
        ErrorKind::Io if error.is_timeout() => "the Redis server did not answer in time",
        ErrorKind::Io if error.is_connection_dropped() => "the connection to the Redis server was lost",
        ErrorKind::Io => "the Redis server could not be reached",
        _ => "the Redis server failed",
    }
}

fn server(kind: Server, error: &RedisError) -> &'static str {
    match kind {
        Server::BusyLoading => "the Redis server is still loading its data",
        Server::ReadOnly => "the Redis server is a read-only replica: the address must be the primary's",
        Server::MasterDown => "the Redis server is a replica that has lost its primary",
        Server::Moved | Server::Ask | Server::CrossSlot => {
            "the Redis server is part of a cluster: its address must begin with redis+cluster://"
        }
        Server::ClusterDown => "the Redis cluster is down: some of its slots have no primary",
        Server::TryAgain => "the slot of these counts is being moved to another node of the Redis cluster",
        Server::NoPerm => "the Redis user may not run the commands or use the keys of the limiter",
        // Those who have not given a password may not even send commands of this length.
        _ if error.detail().is_some_and(|detail| detail.contains("unauthenticated")) => NO_PASSWORD,
        _ => "the Redis server answered with an error",
    }
}

fn extension(error: &RedisError) -> &'static str {
    match error.code() {
        Some("OOM") => "the Redis server has no memory left and may not evict anything",
        Some("NOAUTH") => NO_PASSWORD,
        Some("WRONGPASS") => "the Redis server refused the user name or the password",
        Some("MISCONF") => "the Redis server cannot save its data and therefore takes no writes",
        Some("BUSY") => "the Redis server is busy with another script",
        Some("NOREPLICAS") => "the Redis server has too few replicas to take writes",
        _ => "the Redis server answered with an error",
    }
}

/// What an error of the connection was made from, if not by the system.
fn inner(error: &RedisError) -> Option<&(dyn Error + 'static)> {
    let shared = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    let inner = shared.downcast_ref::<io::Error>()?.get_ref()?;
    Some(inner)
}

/// The name of a host has no address.
#[derive(Debug)]
pub(super) struct NotFound(io::Error);

impl NotFound {
    pub(super) fn because(error: io::Error) -> io::Error {
        io::Error::other(Self(error))
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for NotFound {}

const NO_PASSWORD: &str = "the Redis server asks for a password";
