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
use crate::storage::address::Address;

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
    /// Set if the deadline of a request ran out while the connection was being made.
    has_timed_out: AtomicBool,
    driver: AbortHandle,
}

/// The status of a connection, which its driver updates.
#[derive(Default)]
struct ConnectionStatus {
    /// Set after the handshake.
    is_connected: AtomicBool,
    /// The number of replies so far.
    replies: AtomicU64,
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
        connection.require_response()?;
        let count = commands.replies;
        let (sender, replies) = oneshot::channel();
        // Both fail only if the connection has failed.
        let _ = connection.requests.send(Request { commands, replies: sender }).await;
        match replies.await {
            Ok(replies) if replies.len() == count => Ok(replies),
            Ok(_) => Err(MemcachedError::UNEXPECTED),
            Err(_) => {
                self.remove(connection);
                Err(connection.status.error.get().cloned().unwrap_or(MemcachedError::ENDED))
            }
        }
    }

    /// Handles a request whose deadline has run out without any reply.
    ///
    /// An open connection has stalled. It ends with its requests, which may hold counts that others wait for. One that
    /// is being made goes on.
    pub(super) fn give_up(&self, connection: &Arc<RuntimeConnection>) {
        if connection.is_connected() {
            let _ = connection.status.error.set(MemcachedError::SILENT);
            connection.driver.abort();
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
            let exit = driver::drive(&address, connect_timeout, &mut requests, &shared).await;
            // Set before the requests are dropped: their owners read it then.
            let _ = shared.error.set(exit.error.clone());
        });
        Self {
            runtime: handle.id(),
            requests: sender,
            status,
            has_timed_out: AtomicBool::new(false),
            driver: driver.abort_handle(),
        }
    }

    /// Returns the number of replies so far, to requests that wait for them and to others.
    pub(super) fn replies(&self) -> &AtomicU64 {
        &self.status.replies
    }

    /// Returns an error if one request has already waited for the connection until its deadline. With several servers,
    /// only one client of a hanging server waits that long.
    pub(super) fn require_response(&self) -> Result<(), MemcachedError> {
        if self.is_silent() { Err(MemcachedError::SILENT) } else { Ok(()) }
    }

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
