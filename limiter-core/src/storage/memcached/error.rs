//! Why a server could not be asked, in words for the operator.

use std::{io, sync::Arc};

use super::wire::Malformed;
use crate::storage::StorageError;

/// Why a question has no answer; the same for all who wait for it.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    message: &'static str,
    cause: Option<Arc<str>>,
}

impl Failure {
    pub(super) const NO_RUNTIME: Self =
        Self::new("the memcached storage was used outside of a Tokio runtime");
    pub(super) const ENDED: Self =
        Self::new("the runtime of the connection to the memcached server has ended");
    pub(super) const SILENT: Self = Self::new("the memcached server does not answer");
    pub(super) const UNEXPECTED: Self =
        Self::new("the memcached server answered something else than was asked");
    pub(super) const CROWDED: Self = Self::new("too many requests wait for the same counts in memcached");
    pub(super) const CONTENDED: Self =
        Self::new("too many processes change the same counts in memcached at the same time");

    const fn new(message: &'static str) -> Self {
        Self { message, cause: None }
    }

    fn because(message: &'static str, cause: &str) -> Self {
        Self { message, cause: Some(cause.into()) }
    }

    pub(super) fn of_connecting(error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::ConnectionRefused => "the memcached server refused the connection",
            io::ErrorKind::TimedOut => "the memcached server did not answer in time",
            _ => "the memcached server could not be reached",
        };
        Self::because(message, &error.to_string())
    }

    pub(super) fn of_connection(error: &io::Error) -> Self {
        Self::because("the connection to the memcached server was lost", &error.to_string())
    }

    /// The connection is of no use after this: what follows may be a reply to anything.
    pub(super) fn malformed(Malformed(said): &Malformed) -> Self {
        let message = match said.as_str() {
            "ERROR" => "the memcached server is too old: it must know the meta commands (1.6)",
            _ => "what answered is no memcached server of our kind",
        };
        Self::because(message, said)
    }

    /// The server could not do what it was asked.
    pub(super) fn of_server(said: &str) -> Self {
        let message = match said {
            _ if said.contains("out of memory") => {
                "the memcached server has no memory left and may not evict"
            }
            _ => "the memcached server answered with an error",
        };
        Self::because(message, said)
    }
}

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.message);
        match failure.cause {
            Some(cause) => error.with_source(&*cause),
            None => error,
        }
    }
}
