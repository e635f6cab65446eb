use std::{io, sync::Arc};

use super::protocol::MalformedReply;
use crate::storage::StorageError;

/// An error that all requests which waited for one reply can share.
#[derive(Clone, Debug)]
pub(super) struct MemcachedError {
    message: &'static str,
    cause: Option<Arc<str>>,
}

impl MemcachedError {
    pub(super) const NO_RUNTIME: Self =
        Self::new("no async runtime: the memcached storage requires Tokio, such as that of actix");
    pub(super) const ENDED: Self = Self::new("the runtime of the memcached connection has ended");
    pub(super) const SILENT: Self = Self::new("the memcached server does not respond");
    pub(super) const UNEXPECTED: Self = Self::new("unexpected reply from the memcached server");
    pub(super) const QUEUE_FULL: Self =
        Self::new("too many requests are waiting for the same counts in memcached");
    pub(super) const CONTENDED: Self =
        Self::new("too many processes are changing the same counts in memcached");

    const fn new(message: &'static str) -> Self {
        Self { message, cause: None }
    }

    fn because(message: &'static str, cause: &str) -> Self {
        Self { message, cause: Some(cause.into()) }
    }

    /// Returns the error of a failed attempt to connect.
    pub(super) fn connecting(error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::ConnectionRefused => "the memcached server refused the connection",
            io::ErrorKind::TimedOut => "the memcached server did not respond in time",
            _ => "the memcached server could not be reached",
        };
        Self::because(message, &error.to_string())
    }

    /// Returns the error of a connection that was lost.
    pub(super) fn lost(error: &io::Error) -> Self {
        Self::because("the connection to the memcached server was lost", &error.to_string())
    }

    /// Returns the error of a malformed reply. The connection must be closed: it is unclear where the next reply
    /// begins.
    pub(super) fn malformed(MalformedReply(text): &MalformedReply) -> Self {
        let message = match text.as_str() {
            "ERROR" => "the memcached server is too old: it must support the meta commands (version 1.6)",
            _ => "malformed reply: the server is no memcached server",
        };
        Self::because(message, text)
    }

    /// Returns the error for an error reply of the server.
    pub(super) fn from_server(text: &str) -> Self {
        let message = if text.contains("out of memory") {
            "the memcached server has no memory left and does not evict"
        } else {
            "the memcached server returned an error"
        };
        Self::because(message, text)
    }
}

impl From<MemcachedError> for StorageError {
    fn from(error: MemcachedError) -> Self {
        let storage_error = Self::new(error.message);
        match error.cause {
            Some(cause) => storage_error.with_source(&*cause),
            None => storage_error,
        }
    }
}
