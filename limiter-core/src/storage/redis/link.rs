use std::fmt;
#[cfg(feature = "redis-cluster")]
use std::sync::Arc;

use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, Value, aio::ConnectionLike};

#[cfg(feature = "redis-cluster")]
use super::cluster::{self, Cluster};
use super::{call::Call, erase, error, line::Lines, reply};
use crate::{
    Timestamp,
    storage::{Batch, Decision, Hit, Refund, StorageError},
};

/// The way to the server.
pub(super) enum Link {
    /// Connections of our own.
    Own(Lines),
    /// One that the user has made.
    Given(Box<dyn Given>),
    /// Connections to the nodes of a cluster.
    #[cfg(feature = "redis-cluster")]
    Cluster(Arc<Cluster>),
}

impl Link {
    pub(super) async fn decide(
        &self,
        batch: &Batch<'_>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Result<Decision, StorageError> {
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster::decide(cluster, batch, time, key).await;
        }
        let call = Call::decide(batch, time, key);
        reply::decision(&self.run(&call).await?, batch, &call)
    }

    pub(super) async fn refund(
        &self,
        taken: &[Refund<'_>],
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Result<(), StorageError> {
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster::refund(cluster, taken, time, key).await;
        }
        self.run(&Call::refund(taken, time, key)).await.map(drop)
    }

    /// Forgets counts.
    pub(super) async fn clear(
        &self,
        hits: &[Hit<'_>],
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Result<(), StorageError> {
        if hits.is_empty() {
            return Ok(());
        }
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster::clear(cluster, hits, key).await;
        }
        self.run(&Call::clear(hits, key)).await.map(drop)
    }

    /// Removes keys that need not exist.
    pub(super) async fn unlink(&self, keys: &[String]) -> Result<(), StorageError> {
        if keys.is_empty() {
            return Ok(());
        }
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster.unlink(keys).await.map_err(error::storage);
        }
        let answer = self.ask(redis::cmd("UNLINK").arg(keys)).await;
        answer.map(drop).map_err(error::storage)
    }

    /// Removes all keys that begin with `prefix`.
    pub(super) async fn unlink_all(&self, prefix: &str) -> Result<(), StorageError> {
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            for node in cluster.primaries().await.map_err(error::storage)? {
                erase::all(self, Some(&node), prefix).await?;
            }
            return Ok(());
        }
        erase::all(self, None, prefix).await
    }

    /// Tells whether the server takes writes; of a cluster, whether all of its primaries do.
    pub(super) async fn probe(&self, prefix: &str) -> Result<(), StorageError> {
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster::probe(cluster, prefix).await.map_err(error::storage);
        }
        self.ask(&probe(format!("{prefix}probe"))).await.map(drop).map_err(error::storage)
    }

    /// Runs a script.
    async fn run(&self, call: &Call) -> Result<Value, StorageError> {
        match self.ask(&call.by_hash()).await {
            // It has done nothing, so it may be repeated; anything else may have been counted.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.ask(&call.by_code()).await
            }
            answer => answer,
        }
        .map_err(error::storage)
    }

    pub(super) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Own(lines) => lines.ask(command).await,
            Self::Given(connection) => {
                connection.connection().req_packed_command(command).await?.extract_error()
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.ask(0, command).await,
        }
    }
}

/// A write of a key that is soon gone.
pub(super) fn probe(key: String) -> Cmd {
    let mut command = redis::cmd("SET");
    command.arg(key).arg("").arg("PX").arg(1000);
    command
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
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.fmt(f),
        }
    }
}
