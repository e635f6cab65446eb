//! The servers of all backends, as the suite sees them.

use std::{ops::DerefMut, time::Duration};

use limiter_core::{
    Strategy,
    acceptance::Time,
    storage::{Storage, StorageError},
};
use limiter_test_servers::Process;

/// A server of one backend. It is killed, frozen and thawed as a process.
pub(crate) trait Server: DerefMut<Target = Process> + Sized {
    type Storage: Storage + 'static;

    /// The scheme of its addresses, and the module of its tests.
    const NAME: &str;
    /// The strategies that the storage can enforce.
    const STRATEGIES: &[Strategy];
    /// The unit in which the storage counts time.
    const RESOLUTION: Duration;
    /// True if the storage can forget all counts.
    const CAN_RESET: bool;
    /// True if the counts outlive the process.
    const KEEPS_COUNTS: bool;
    /// True if a healthy server answers each request in time, and has counted by then all that it ever counts.
    /// False for a driver that looks for its server in the background.
    const IS_PROMPT: bool;

    /// The number of connections that a storage on one runtime makes, as long as none is lost.
    const MAX_CONNECTIONS: u64;

    fn start() -> Self;

    fn port(&self) -> u16;

    /// Starts the server again after it was killed.
    fn restart(&mut self);

    fn open(uri: &str) -> Self::Storage;

    fn open_with_prefix(uri: &str, prefix: &str) -> Result<Self::Storage, StorageError>;

    /// Makes a storage decide by the time of its caller.
    fn by_callers_clock(storage: Self::Storage) -> Self::Storage;

    /// Removes all counts.
    async fn erase(&self);

    /// Writes to disk what must outlive the process.
    async fn flush(&self) {}

    fn uri(&self) -> String {
        uri::<Self>(self.port())
    }

    fn storage(&self) -> Self::Storage {
        Self::open(&self.uri())
    }

    /// The clock of the caller, in the unit of the storage.
    fn callers_time() -> Time {
        Time::Callers { resolution: Self::RESOLUTION }
    }
}

/// A server with a clock, and with names of counts that an administrator can look at.
pub(crate) trait Database: Server {
    /// Makes the server keep all counts for ever.
    async fn remove_expiries(&self);

    /// Returns whether the server will remove each count in the end.
    async fn has_expiries(&self) -> bool;

    /// Writes something that is no count under this name.
    async fn write_foreign(&self, name: &str);

    /// Returns how many names are in use.
    async fn names(&self) -> usize;
}

/// The address of what listens on a port, a server of this kind or a proxy before one.
pub(crate) fn uri<S: Server>(port: u16) -> String {
    format!("{}://127.0.0.1:{port}", S::NAME)
}
