//! What the server or the way to it may answer instead, in words for the operator.

use redis::{ErrorKind, RedisError, ServerErrorKind as Server};

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

fn message(error: &RedisError) -> &'static str {
    match error.kind() {
        ErrorKind::AuthenticationFailed => "the Redis server refused the user name or the password",
        ErrorKind::Server(kind) => server(kind, error),
        ErrorKind::Extension => extension(error),
        ErrorKind::InvalidClientConfig => "the address of the Redis server cannot be used",
        ErrorKind::MasterNameNotFoundBySentinel => "the sentinels know no primary of this name",
        ErrorKind::ClusterConnectionNotFound => "no node of the Redis cluster can be reached",
        ErrorKind::RESP3NotSupported => "the Redis server is too old for RESP3",
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
        Server::ClusterDown | Server::TryAgain => "the Redis cluster is down or is being moved",
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

const NO_PASSWORD: &str = "the Redis server asks for a password";
