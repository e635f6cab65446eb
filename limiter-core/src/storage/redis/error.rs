//! Errors of the Redis client, with messages for the operator.

use std::{error::Error, fmt, io, sync::Arc};

use redis::{ErrorKind, RedisError, ServerErrorKind};
use tokio::runtime::TryCurrentError;

use super::tls;
use crate::storage::StorageError;

/// Converts an error of the client to one of the storage.
pub(super) fn storage(error: RedisError) -> StorageError {
    StorageError::new(message(&error)).with_source(error)
}

pub(super) const fn unexpected_reply() -> StorageError {
    StorageError::new("unexpected reply from a script on the Redis server")
}

/// Returns whether the connection is dead or leads to the wrong server.
pub(super) fn is_lost(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// Returns whether the topology of the cluster may have changed.
#[cfg(feature = "redis-cluster")]
pub(super) fn is_misrouted(error: &RedisError) -> bool {
    let kind = error.kind();
    is_lost(error) || matches!(kind, ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::ClusterDown))
}

fn message(error: &RedisError) -> &'static str {
    if let Some(message) = inner(error).and_then(tls::message) {
        return message;
    }
    match error.kind() {
        ErrorKind::AuthenticationFailed => WRONG_CREDENTIALS,
        ErrorKind::Server(kind) => server(kind, error),
        ErrorKind::Extension => extension(error),
        ErrorKind::InvalidClientConfig => "invalid address of the Redis server",
        ErrorKind::MasterNameNotFoundBySentinel => "no sentinel monitors a primary of this name",
        ErrorKind::NoValidReplicasFoundBySentinel => "no sentinel led to a primary that answers",
        ErrorKind::ClusterConnectionNotFound => "no node of the Redis cluster is reachable",
        ErrorKind::RESP3NotSupported => "the Redis server is too old for RESP3",
        ErrorKind::Io if inner(error).is_some_and(<dyn Error>::is::<UnresolvedHost>) => {
            "the name of the Redis server could not be resolved"
        }
        ErrorKind::Io if inner(error).is_some_and(<dyn Error>::is::<TryCurrentError>) => {
            "no async runtime: the Redis storage requires Tokio, such as that of actix"
        }
        ErrorKind::Io if error.is_connection_refusal() => "the Redis server refused the connection",
        ErrorKind::Io if error.is_timeout() => "the Redis server did not answer in time",
        ErrorKind::Io if error.is_connection_dropped() => "the connection to the Redis server was lost",
        ErrorKind::Io => "the Redis server could not be reached",
        _ => "the Redis server failed",
    }
}

fn server(kind: ServerErrorKind, error: &RedisError) -> &'static str {
    match kind {
        ServerErrorKind::BusyLoading => "the Redis server is still loading its data",
        ServerErrorKind::ReadOnly => {
            "the Redis server is a read-only replica: the address must be the primary's"
        }
        ServerErrorKind::MasterDown => "the Redis server is a replica that has lost its primary",
        ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot => {
            "the Redis server is part of a cluster: its address must begin with redis+cluster://"
        }
        ServerErrorKind::ClusterDown => "the Redis cluster is down: some of its slots have no primary",
        ServerErrorKind::TryAgain => {
            "the slot of these counts is being moved to another node of the Redis cluster"
        }
        ServerErrorKind::NoPerm => "the Redis user may not run the commands or use the keys of the limiter",
        // A client without a password may not even send commands of this length.
        _ if error.detail().is_some_and(|detail| detail.contains("unauthenticated")) => NO_PASSWORD,
        _ => "the Redis server returned an error",
    }
}

fn extension(error: &RedisError) -> &'static str {
    match error.code() {
        Some("OOM") => "the Redis server has no memory left and may not evict anything",
        Some("NOAUTH") => NO_PASSWORD,
        Some("WRONGPASS") => WRONG_CREDENTIALS,
        Some("MISCONF") => "the Redis server cannot save its data and therefore rejects writes",
        Some("BUSY") => "the Redis server is busy with another script",
        Some("NOREPLICAS") => "the Redis server has too few replicas to accept writes",
        _ => "the Redis server returned an error",
    }
}

/// Returns the error that an error of the connection wraps, if it is not one of the system.
fn inner(error: &RedisError) -> Option<&(dyn Error + 'static)> {
    let shared = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    let inner = shared.downcast_ref::<io::Error>()?.get_ref()?;
    Some(inner)
}

/// An error for the name of a host that has no address.
#[derive(Debug)]
pub(super) struct UnresolvedHost(io::Error);

impl UnresolvedHost {
    pub(super) fn because(error: io::Error) -> io::Error {
        io::Error::other(Self(error))
    }
}

impl fmt::Display for UnresolvedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for UnresolvedHost {}

const NO_PASSWORD: &str = "the Redis server requires a password";
const WRONG_CREDENTIALS: &str = "the Redis server refused the user name or the password";
