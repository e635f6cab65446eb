//! A pool of connections to one server: one for each async runtime.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use redis::{Cmd, RedisResult, Value};
use tokio::runtime::Handle;

use super::{
    clock, commands, connection::Connection, connector::Connector, error, shared_attempt::SharedAttempt,
};
use crate::storage::stall_guard::{Silence, StallGuard};

/// Connections to one server, each made when its runtime first needs it and replaced when it is lost.
///
/// Each async runtime has its own, since the task that drives a connection ends with its runtime. So a busy worker
/// does not delay the connections of others.
pub(super) struct ConnectionPool {
    connector: Arc<Connector>,
    connect_timeout: Duration,
    connections: Mutex<Vec<Arc<PooledConnection>>>,
}

/// A connection of the pool, which may still be connecting.
struct PooledConnection {
    attempt: SharedAttempt<Connection>,
    /// The number of commands that had a reply.
    replies: AtomicU64,
    /// Set while a task checks whether the server still replies.
    is_checked: AtomicBool,
    /// Set if that check has failed.
    is_lost: AtomicBool,
}

impl ConnectionPool {
    pub(super) fn new(connector: Connector, connect_timeout: Duration) -> Self {
        Self { connector: Arc::new(connector), connect_timeout, connections: Mutex::default() }
    }

    /// Sends a command and returns the answer.
    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        self.send_by(async |connection| connection.send(command).await).await
    }

    /// Sends a command that another node of the cluster has redirected here by `ASK`.
    #[cfg(feature = "redis-cluster")]
    pub(super) async fn send_asking(&self, command: &Cmd) -> RedisResult<Value> {
        self.send_by(async |connection| connection.send_asking(command).await).await
    }

    async fn send_by(&self, send: impl AsyncFnOnce(&Connection) -> RedisResult<Value>) -> RedisResult<Value> {
        let pooled = self.get()?;
        let connection = pooled.attempt.outcome().await?;
        let guard = StallGuard::new(&pooled.replies, |silence| match silence {
            Silence::Overdue => self.remove(&pooled),
            Silence::Abandoned => pooled.check_in_background(),
        });
        let answer = send(&connection).await.and_then(Value::extract_error);
        guard.finish();
        pooled.replies.fetch_add(1, Ordering::Relaxed);
        if answer.as_ref().is_err_and(error::is_lost) {
            self.remove(&pooled);
        }
        answer
    }

    /// Returns the connection of this runtime. Connects anew if there is none or it has failed.
    fn get(&self) -> RedisResult<Arc<PooledConnection>> {
        let handle = Handle::try_current().map_err(io::Error::other)?;
        let mut connections = self.connections.lock();
        let has_ended = |it: &PooledConnection| it.attempt.is_of(&handle) && it.has_failed();
        if let Some(usable) = connections.iter().find(|it| it.attempt.is_of(&handle) && !has_ended(it)) {
            return Ok(Arc::clone(usable));
        }
        connections.retain(|it| !it.attempt.is_orphan() && !has_ended(it));
        let pooled =
            Arc::new(PooledConnection::begin(&handle, Arc::clone(&self.connector), self.connect_timeout));
        connections.push(Arc::clone(&pooled));
        Ok(pooled)
    }

    /// Returns the server, or how it is found.
    pub(super) fn servers(&self) -> String {
        self.connector.to_string()
    }

    fn remove(&self, pooled: &Arc<PooledConnection>) {
        self.connections.lock().retain(|other| !Arc::ptr_eq(other, pooled));
    }
}

impl PooledConnection {
    fn begin(handle: &Handle, connector: Arc<Connector>, connect_timeout: Duration) -> Self {
        let attempt = SharedAttempt::begin(handle, connect_timeout, async move { connect(&connector).await });
        let [is_checked, is_lost] = [(); 2].map(|()| AtomicBool::new(false));
        Self { attempt, replies: AtomicU64::new(0), is_checked, is_lost }
    }

    fn has_failed(&self) -> bool {
        self.attempt.has_failed() || self.is_lost.load(Ordering::Relaxed)
    }

    /// Checks whether the server still replies, after a call was dropped for a reason that is not known here.
    ///
    /// At most one check runs, however many calls are dropped. No request waits for it.
    fn check_in_background(self: &Arc<Self>) {
        let Ok(handle) = Handle::try_current() else { return };
        if self.is_checked.swap(true, Ordering::Relaxed) {
            return;
        }
        let pooled = Arc::clone(self);
        handle.spawn(async move {
            let answer = async { pooled.attempt.outcome().await?.send(&commands::ping()).await };
            if answer.await.is_err_and(|error| error::is_lost(&error)) {
                pooled.is_lost.store(true, Ordering::Relaxed);
            }
            pooled.is_checked.store(false, Ordering::Relaxed);
        });
    }
}

/// Connects. A background task then compares the clocks, so that no request waits for that.
async fn connect(connector: &Connector) -> RedisResult<Connection> {
    let connection = connector.connect().await?;
    let other_handle = connection.clone();
    tokio::spawn(clock::compare(async move { other_handle.send(&commands::time()).await }));
    Ok(connection)
}

impl fmt::Debug for ConnectionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connector.fmt(f)
    }
}
