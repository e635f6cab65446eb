use std::{future::Future, sync::Arc};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::{
    connection::{RuntimeConnection, ServerConnections},
    error::MemcachedError,
    protocol::{Commands, Reply},
    queue::Queue,
};
use crate::storage::stall_guard::{Silence, StallGuard};

/// The connections to all servers, and the queue of the operations on their counts.
pub(super) struct Servers {
    pub(super) connections: Vec<ServerConnections>,
    pub(super) queue: Mutex<Queue>,
}

/// Connections to some servers, with the indices of the servers.
type SomeConnections = SmallVec<[(usize, Arc<RuntimeConnection>); 2]>;

impl Servers {
    pub(super) fn new(connections: Vec<ServerConnections>) -> Self {
        Self { connections, queue: Mutex::default() }
    }

    /// Returns the connections to these servers. Returns an error if one of them is known to hang.
    pub(super) fn connections_to(
        &self,
        servers: impl IntoIterator<Item = usize>,
    ) -> Result<SomeConnections, MemcachedError> {
        let connect = |server: usize| {
            let connection = self.connections[server].get()?;
            connection.require_response().map(|()| (server, connection))
        };
        servers.into_iter().map(connect).collect()
    }

    /// Waits for the outcome of commands on these connections. If its deadline runs out, those that have delivered no
    /// reply meanwhile have stalled.
    pub(super) async fn watch<T>(
        &self,
        connections: &SomeConnections,
        outcome: impl Future<Output = T>,
    ) -> T {
        let guards: SmallVec<[_; 2]> = connections
            .iter()
            .map(|(server, connection)| {
                StallGuard::new(connection.replies(), move |silence| {
                    if silence == Silence::Overdue {
                        self.connections[*server].give_up(connection);
                    }
                })
            })
            .collect();
        let outcome = outcome.await;
        guards.into_iter().for_each(StallGuard::finish);
        outcome
    }

    /// Sends commands to one server, past the queue.
    pub(super) async fn send(&self, server: usize, commands: Commands) -> Result<Vec<Reply>, MemcachedError> {
        let connections = self.connections_to([server])?;
        let sent = async {
            match connections.first() {
                Some((_, connection)) => self.connections[server].send(connection, commands).await,
                None => Ok(Vec::new()),
            }
        };
        self.watch(&connections, sent).await
    }
}
