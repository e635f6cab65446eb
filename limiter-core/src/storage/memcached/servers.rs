use parking_lot::Mutex;

use super::{
    connection::ServerConnections,
    error::MemcachedError,
    protocol::{Commands, Reply},
    queue::Queue,
};

/// The connections to all servers, and the queue of the operations on their counts.
pub(super) struct Servers {
    pub(super) connections: Vec<ServerConnections>,
    pub(super) queue: Mutex<Queue>,
}

impl Servers {
    pub(super) fn new(connections: Vec<ServerConnections>) -> Self {
        Self { connections, queue: Mutex::default() }
    }

    /// Sends commands to one server, past the queue.
    pub(super) async fn send(&self, server: usize, commands: Commands) -> Result<Vec<Reply>, MemcachedError> {
        let connections = &self.connections[server];
        connections.send(&connections.get()?, commands).await
    }
}
