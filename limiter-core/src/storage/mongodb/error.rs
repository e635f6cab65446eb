use std::io;

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::storage::StorageError;

/// Converts an error of the driver.
pub(super) fn storage(error: Error) -> StorageError {
    StorageError::new(message(&error)).with_source(error)
}

pub(super) const fn unexpected_reply() -> StorageError {
    StorageError::new("unexpected reply from the MongoDB server")
}

pub(super) const fn timed_out() -> StorageError {
    StorageError::new("the MongoDB server did not respond in time")
}

/// Returns whether two operations have tried to create the same document. The failed one has changed nothing.
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error) == Some(11_000)
}

fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        _ => None,
    }
}

fn message(error: &Error) -> &'static str {
    match &*error.kind {
        ErrorKind::Authentication { .. } => "the MongoDB server refused the user name or the password",
        ErrorKind::ServerSelection { .. } => "no MongoDB server that takes writes could be reached",
        ErrorKind::InvalidTlsConfig { .. } => "invalid TLS options for MongoDB",
        ErrorKind::InvalidArgument { .. } => "invalid MongoDB URI",
        ErrorKind::DnsResolve { .. } => "the name of the MongoDB server could not be resolved",
        ErrorKind::IncompatibleServer { .. } => "the MongoDB server is too old: version 4.4 is required",
        ErrorKind::ConnectionPoolCleared { .. } => LOST,
        ErrorKind::Io(error) => io_message(error),
        _ => code(error).map_or("the MongoDB server failed", code_message),
    }
}

const LOST: &str = "the connection to the MongoDB server was lost";

fn io_message(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the MongoDB server refused the connection",
        io::ErrorKind::TimedOut => "the MongoDB server did not respond in time",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => LOST,
        _ => "the MongoDB server could not be reached",
    }
}

fn code_message(code: i32) -> &'static str {
    match code {
        13 => "the MongoDB user may not use the collection of the counts, or must give a password",
        18 => "the MongoDB server refused the user name or the password",
        91 | 189 | 10_107 | 11_600 | 11_602 | 13_435 => "the MongoDB server is no primary",
        64 | 100 => "too few members of the replica set have acknowledged the write",
        _ => "the MongoDB server returned an error",
    }
}
