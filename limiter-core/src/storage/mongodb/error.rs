//! What the server or the way to it may answer instead, in words for the operator.

use std::io;

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::storage::StorageError;

/// The error of a storage for one of the driver.
pub(super) fn storage(error: Error) -> StorageError {
    StorageError::new(message(&error)).with_source(error)
}

pub(super) const fn not_understood() -> StorageError {
    StorageError::new("the MongoDB server answered something else than its pipeline says")
}

pub(super) const fn too_late() -> StorageError {
    StorageError::new("the MongoDB server did not answer in time")
}

/// Whether two have tried to make the same document at once: then nothing was done.
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
        ErrorKind::InvalidTlsConfig { .. } => "the TLS options for MongoDB cannot be used",
        ErrorKind::InvalidArgument { .. } => "the address of the MongoDB server cannot be used",
        ErrorKind::DnsResolve { .. } => "the name of the MongoDB server could not be found",
        ErrorKind::IncompatibleServer { .. } => "the MongoDB server is too old: 4.4 is the oldest that does",
        ErrorKind::ConnectionPoolCleared { .. } => LOST,
        ErrorKind::Io(error) => io_message(error),
        _ => code(error).map_or("the MongoDB server failed", code_message),
    }
}

const LOST: &str = "the connection to the MongoDB server was lost";

fn io_message(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the MongoDB server refused the connection",
        io::ErrorKind::TimedOut => "the MongoDB server did not answer in time",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => LOST,
        _ => "the MongoDB server could not be reached",
    }
}

fn code_message(code: i32) -> &'static str {
    match code {
        13 => "the MongoDB user may not use the collection of the counts, or must give a password",
        18 => "the MongoDB server refused the user name or the password",
        91 | 189 | 10_107 | 11_600 | 11_602 | 13_435 => "the MongoDB server is no primary any more",
        64 | 100 => "too few members of the replica set have taken the write",
        _ => "the MongoDB server answered with an error",
    }
}
