use std::sync::Arc;

use smallvec::SmallVec;
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    cas_round::{self, CasRound},
    error::MemcachedError,
    operation::Operation,
    queue::Arrival,
    servers::Servers,
};
use crate::storage::Decision;

/// Runs an operation, after those that arrived earlier and use the same counts.
pub(super) async fn submit(servers: &Arc<Servers>, operation: Operation) -> Result<Decision, MemcachedError> {
    let runtime = Handle::try_current().map_err(|_| MemcachedError::NO_RUNTIME)?;
    let mut used: SmallVec<[usize; 2]> = operation.hits().iter().map(|hit| hit.server).collect();
    used.sort_unstable();
    used.dedup();
    let connections = servers.connections_to(used)?;
    let (sender, decision) = oneshot::channel();
    let arrival = servers.queue.lock().arrive((operation, sender));
    match arrival {
        // In the background: other operations may wait for it, and this request may be dropped.
        Arrival::Start(operation) => {
            let round = CasRound::new(Arc::clone(servers), vec![operation]);
            drop(runtime.spawn(cas_round::run(round)));
        }
        Arrival::Queued => {}
        Arrival::Full => return Err(MemcachedError::QUEUE_FULL),
    }
    servers.watch(&connections, async { decision.await.unwrap_or(Err(MemcachedError::ENDED)) }).await
}
