//! Decisions about limits of concurrent requests in a remote storage, which end even if the request is dropped.

use std::sync::Arc;

use limiter_core::{
    Key,
    storage::{Batch, Decision, Storage, StorageError},
};
use tokio::sync::oneshot;

use super::{
    charge::{Charges, hits},
    decide::decide_remotely,
    decided::record_windows,
    hold::{hold, take_holds},
    query::StorageQuery,
};
use crate::{settings::Config, tasks::spawn};

impl StorageQuery<'_> {
    /// Decides limits of concurrent requests in the storage. If the request is dropped meanwhile, what was taken is freed.
    pub(super) async fn run_held(
        &self,
        config: &Arc<Config>,
        storage: &Arc<dyn Storage>,
    ) -> Result<Decision, StorageError> {
        let charges = || self.limits.iter().filter(|charge| charge.is_concurrent());
        let is_freeing = || charges().any(|charge| config.is_freeing(&charge.count_id(self.client)));
        let on_refusal = self.charges_of_breach();
        // A refusal may be charged, so the first decision must be right.
        if !on_refusal.is_empty() && is_freeing() {
            config.free_ended().await;
        }
        let was_freeing = on_refusal.is_empty() && is_freeing();
        let decision = self.run_detached(config, storage).await?;
        if was_freeing && !decision.is_admitted() {
            config.free_ended().await;
            return self.run_detached(config, storage).await;
        }
        Ok(decision)
    }

    /// Decides in a task of its own.
    async fn run_detached(
        &self,
        config: &Arc<Config>,
        storage: &Arc<dyn Storage>,
    ) -> Result<Decision, StorageError> {
        let detached = DetachedQuery {
            guards: self.guards.to_vec(),
            limits: self.limits.to_vec(),
            on_refusal: self.charges_of_breach().to_vec(),
            client: self.client.clone(),
            config: Arc::clone(config),
            storage: Arc::clone(storage),
        };
        let (sender, receiver) = oneshot::channel();
        spawn(Box::pin(async move {
            let delivery = match detached.run().await {
                Ok(decision) => Ok(Delivery(Some((detached, decision)))),
                Err(error) => Err(error),
            };
            // Dropping a delivery that nobody takes frees what was taken.
            drop(sender.send(delivery));
        }));
        let ended = |_| StorageError::new("the worker has ended before the storage has answered");
        let mut delivery = receiver.await.map_err(ended)??;
        delivery.0.take().map(|(_, decision)| decision).ok_or_else(|| StorageError::new("no decision"))
    }
}

/// A decision on its way to the request.
struct Delivery(Option<(DetachedQuery, Decision)>);

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some((query, decision)) = self.0.take() {
            query.give_up(&decision);
        }
    }
}

/// A query that owns its charges.
struct DetachedQuery {
    guards: Charges,
    limits: Charges,
    on_refusal: Charges,
    client: Key,
    config: Arc<Config>,
    storage: Arc<dyn Storage>,
}

impl DetachedQuery {
    async fn run(&self) -> Result<Decision, StorageError> {
        let [guards, limits, on_refusal] =
            [&self.guards, &self.limits, &self.on_refusal].map(|charges| hits(charges, &self.client));
        let batch = Batch::new(&limits).guards(&guards).on_refusal(&on_refusal);
        decide_remotely(&self.config, &*self.storage, &batch, self.config.settings.clock.now()).await
    }

    /// Frees what was taken for a request that has been dropped.
    fn give_up(mut self, decision: &Decision) {
        if decision.is_admitted() {
            record_windows(decision, &mut self.limits);
            hold(&mut self.limits, &self.client, &self.config);
            drop(take_holds(&self.limits));
        }
    }
}
