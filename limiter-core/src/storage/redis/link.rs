use std::fmt;

use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, Value, aio::ConnectionLike};

use super::{call::Call, error, line::Lines};
use crate::storage::StorageError;

/// The way to the server.
pub(super) enum Link {
    /// Connections of our own.
    Own(Lines),
    /// One that the user has made.
    Given(Box<dyn Given>),
}

impl Link {
    /// Runs a script.
    pub(super) async fn run(&self, call: &Call) -> Result<Value, StorageError> {
        match self.ask(&call.by_hash()).await {
            // It has done nothing, so it may be repeated; anything else may have been counted.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.ask(&call.by_code()).await
            }
            answer => answer,
        }
        .map_err(error::storage)
    }

    /// Removes keys that need not exist.
    pub(super) async fn unlink(&self, keys: &[String]) -> Result<(), StorageError> {
        if keys.is_empty() {
            return Ok(());
        }
        let answer = self.ask(redis::cmd("UNLINK").arg(keys)).await;
        answer.map(drop).map_err(error::storage)
    }

    /// Tells whether the server takes writes.
    pub(super) async fn probe(&self, prefix: &str) -> Result<(), StorageError> {
        let mut command = redis::cmd("SET");
        command.arg(format!("{prefix}probe")).arg("").arg("PX").arg(1000);
        self.ask(&command).await.map(drop).map_err(error::storage)
    }

    pub(super) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Own(lines) => lines.ask(command).await,
            Self::Given(connection) => {
                connection.connection().req_packed_command(command).await?.extract_error()
            }
        }
    }
}

/// A connection that can be used by several requests at once.
pub(super) trait Given: Send + Sync {
    /// A handle on it.
    fn connection(&self) -> Box<dyn ConnectionLike + Send>;
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Given for C {
    fn connection(&self) -> Box<dyn ConnectionLike + Send> {
        Box::new(self.clone())
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(lines) => lines.fmt(f),
            Self::Given(_) => f.write_str("Given(..)"),
        }
    }
}
