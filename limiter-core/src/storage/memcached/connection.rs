//! Connections to a server: one per async runtime, opened on first use and replaced when lost.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    runtime::{self, Handle},
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use super::{
    error::MemcachedError,
    protocol::{Commands, Reply},
};
use crate::storage::{address::Address, stall_guard::StallGuard};

mod driver;

use self::driver::Request;

/// The connections to one server. Each async runtime has its own, since the driver of a connection ends with its
/// runtime.
pub(super) struct ServerConnections {
    address: Address,
    connect_timeout: Duration,
    open: Mutex<Vec<Arc<RuntimeConnection>>>,
}

/// A connection of one async runtime, which may still be connecting.
pub(super) struct RuntimeConnection {
    runtime: runtime::Id,
    requests: mpsc::Sender<Request>,
    status: Arc<ConnectionStatus>,
    /// The number of requests that had a reply.
    replies: AtomicU64,
    /// Set if a request was dropped while the connection was being made.
    has_timed_out: AtomicBool,
    driver: AbortHandle,
}

/// The status of a connection, which its driver updates.
#[derive(Default)]
struct ConnectionStatus {
    /// Set after the handshake.
    is_connected: AtomicBool,
    /// The error that ended the connection.
    error: OnceLock<MemcachedError>,
}

impl ServerConnections {
    pub(super) fn new(address: Address, connect_timeout: Duration) -> Self {
        Self { address, connect_timeout, open: Mutex::default() }
    }

    /// Returns the connection of the current runtime. Opens one if there is none or it has failed.
    pub(super) fn get(&self) -> Result<Arc<RuntimeConnection>, MemcachedError> {
        let handle = Handle::try_current().map_err(|_| MemcachedError::NO_RUNTIME)?;
        let mut open = self.open.lock();
        // Removes failed connections, and those of runtimes that have ended.
        open.retain(|connection| !connection.requests.is_closed());
        if let Some(connection) = open.iter().find(|connection| connection.runtime == handle.id()) {
            return Ok(Arc::clone(connection));
        }
        let connection =
            Arc::new(RuntimeConnection::open(&handle, self.address.clone(), self.connect_timeout));
        open.push(Arc::clone(&connection));
        Ok(connection)
    }

    /// Sends commands over a connection to this server and returns the replies.
    pub(super) async fn send(
        &self,
        connection: &Arc<RuntimeConnection>,
        commands: Commands,
    ) -> Result<Vec<Reply>, MemcachedError> {
        if connection.is_silent() {
            return Err(MemcachedError::SILENT);
        }
        let count = commands.replies;
        let (sender, replies) = oneshot::channel();
        let guard = StallGuard::new(&connection.replies, || self.give_up(connection));
        // Both fail only if the connection has failed.
        let _ = connection.requests.send(Request { commands, replies: sender }).await;
        let replies = replies.await;
        guard.finish(replies.is_ok());
        match replies {
            Ok(replies) if replies.len() == count => Ok(replies),
            Ok(_) => Err(MemcachedError::UNEXPECTED),
            Err(_) => {
                self.remove(connection);
                Err(connection.status.error.get().cloned().unwrap_or(MemcachedError::ENDED))
            }
        }
    }

    /// Handles a stall. An open connection is replaced; one that is being made goes on.
    fn give_up(&self, connection: &Arc<RuntimeConnection>) {
        if connection.is_connected() {
            self.remove(connection);
        } else {
            connection.has_timed_out.store(true, Ordering::Relaxed);
        }
    }

    fn remove(&self, connection: &Arc<RuntimeConnection>) {
        self.open.lock().retain(|other| !Arc::ptr_eq(other, connection));
    }
}

impl RuntimeConnection {
    /// Connects in the background, so that the attempt goes on if the request is dropped.
    fn open(handle: &Handle, address: Address, connect_timeout: Duration) -> Self {
        let (sender, mut requests) = driver::channel();
        let status = Arc::<ConnectionStatus>::default();
        let shared = Arc::clone(&status);
        let driver = handle.spawn(async move {
            let exit = driver::drive(&address, connect_timeout, &mut requests, &shared.is_connected).await;
            // Set before the requests are dropped: their owners read it then.
            let _ = shared.error.set(exit.error.clone());
        });
        Self {
            runtime: handle.id(),
            requests: sender,
            status,
            replies: AtomicU64::new(0),
            has_timed_out: AtomicBool::new(false),
            driver: driver.abort_handle(),
        }
    }

    /// Returns whether requests should fail at once: one has already waited for the connection in vain. With
    /// several servers, only one client of a hanging server waits for its deadline.
    fn is_silent(&self) -> bool {
        self.has_timed_out.load(Ordering::Relaxed) && !self.is_connected()
    }

    fn is_connected(&self) -> bool {
        self.status.is_connected.load(Ordering::Relaxed)
    }
}

/// Stops the driver, which may be waiting for a reply.
impl Drop for RuntimeConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl fmt::Debug for ServerConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address, f)
    }
}

#[cfg(test)]
mod tests;
