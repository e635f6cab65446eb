use std::fmt;
#[cfg(feature = "redis-cluster")]
use std::sync::Arc;

use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, Value, aio::ConnectionLike};

#[cfg(feature = "redis-cluster")]
use super::cluster::{self, Cluster};
use super::{
    call::{Call, CallTime},
    commands, error,
    pool::ConnectionPool,
    reply,
};
use crate::{
    Timestamp,
    storage::{Batch, Decision, Hit, Refund, Renewal, StorageError},
};

/// The client of the server or the cluster.
pub(super) enum Client {
    /// Connections of the storage's own.
    Pool(ConnectionPool),
    /// A connection that the user has made.
    User(Box<dyn UserConnection>),
    /// Connections to the nodes of a cluster.
    #[cfg(feature = "redis-cluster")]
    Cluster(Arc<Cluster>),
}

impl Client {
    pub(super) async fn decide(
        &self,
        batch: &Batch<'_>,
        time: CallTime,
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

    pub(super) async fn renew(
        &self,
        taken: &[Refund<'_>],
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Result<Vec<Renewal>, StorageError> {
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster::renew(cluster, taken, time, key).await;
        }
        reply::renewals(&self.run(&Call::renew(taken, time, key)).await?, taken.len())
    }

    /// Clears the counts of some hits.
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

    /// Checks whether the server accepts writes; of a cluster, whether all primaries do.
    pub(super) async fn probe(&self, prefix: &str) -> Result<(), StorageError> {
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster::probe(cluster, prefix).await.map_err(error::storage);
        }
        self.send(&commands::probe(format!("{prefix}probe"))).await.map(drop).map_err(error::storage)
    }

    /// Returns the servers, without credentials. Those of a connection that the user has made are unknown.
    pub(super) fn servers(&self) -> Option<String> {
        match self {
            Self::Pool(pool) => Some(pool.servers()),
            Self::User(_) => None,
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => Some(cluster.servers()),
        }
    }

    /// Runs a script.
    async fn run(&self, call: &Call) -> Result<Value, StorageError> {
        match self.send(&call.by_hash()).await {
            // The script has not run, so it is safe to repeat it. After any other error the hits may be counted.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.send(&call.by_code()).await
            }
            answer => answer,
        }
        .map_err(error::storage)
    }

    /// Sends a command about one key.
    pub(super) async fn send_for(&self, key: &str, command: &Cmd) -> RedisResult<Value> {
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster.send(cluster::slot_of(key), command).await;
        }
        let _ = key;
        self.send(command).await
    }

    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Pool(pool) => pool.send(command).await,
            Self::User(connection) => connection.handle().req_packed_command(command).await?.extract_error(),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.send(0, command).await,
        }
    }
}

/// A connection of the user that several requests can use at once.
pub(super) trait UserConnection: Send + Sync {
    /// Returns a handle to the connection.
    fn handle(&self) -> Box<dyn ConnectionLike + Send>;
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> UserConnection for C {
    fn handle(&self) -> Box<dyn ConnectionLike + Send> {
        Box::new(self.clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(pool) => pool.fmt(f),
            Self::User(_) => f.write_str("User(..)"),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(cluster) => cluster.fmt(f),
        }
    }
}
