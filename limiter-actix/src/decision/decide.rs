//! Decisions of the limiter's storage.

use std::sync::Arc;

use limiter_core::{
    Timestamp,
    storage::{Batch, Decision, Storage, StorageError, Verdict},
};

use super::{
    charge::{Charge, hits},
    query::{QueryOutcome, StorageQuery},
};
use crate::{
    deadline::{OF_REQUESTS, in_time},
    report::decided_by::{DecidedBy, Undecided},
    settings::{Config, backend::Backend},
};

impl StorageQuery<'_> {
    /// Decides in the limiter's storage. If the storage fails, the failure policy of each limit applies.
    pub(crate) async fn decide(&self, config: &Arc<Config>) -> Result<QueryOutcome, Undecided> {
        let settings = &config.settings;
        // An earlier try of the request may have failed.
        self.charges().for_each(|charge| charge.decided_by.set(DecidedBy::Storage));
        let _timer = settings.telemetry.time_decision(!self.limits.is_empty());
        let decision = match &settings.storage {
            Backend::Memory(memory) => self.run_memory(memory),
            Backend::Remote { .. } if self.is_empty() => Decision::new(Verdict::Admitted, [], []),
            Backend::Remote { storage, fallback } => match self.run_remote(config, storage).await {
                Ok(decision) => decision,
                Err(_) => return self.decide_on_failure(fallback, settings),
            },
        };
        Ok(QueryOutcome::new(decision, DecidedBy::Storage))
    }

    async fn run_remote(
        &self,
        config: &Arc<Config>,
        storage: &Arc<dyn Storage>,
    ) -> Result<Decision, StorageError> {
        if self.limits.iter().any(Charge::is_concurrent) {
            return Box::pin(self.run_held(config, storage)).await;
        }
        let (guards, limits) = (hits(self.guards, self.client), hits(self.limits, self.client));
        let on_refusal = hits(self.charges_of_breach(), self.client);
        let batch = Batch::new(&limits).guards(&guards).on_refusal(&on_refusal);
        decide_remotely(config, &**storage, &batch, config.settings.clock.now()).await
    }
}

const UNEXPLAINED: StorageError =
    StorageError::new("the storage refused, although no limit of its answer does");

/// Decides a batch in a remote storage, within its deadline, and records the health of the storage.
pub(crate) async fn decide_remotely(
    config: &Config,
    storage: &dyn Storage,
    batch: &Batch<'_>,
    now: Timestamp,
) -> Result<Decision, StorageError> {
    let decision = in_time(storage, storage.decide(batch, now), OF_REQUESTS).await;
    let decision = decision.and_then(|it| if it.is_explained_by(batch) { Ok(it) } else { Err(UNEXPLAINED) });
    match &decision {
        Ok(_) => config.health.succeeded(),
        Err(error) => config.health.failed(error, now),
    }
    decision
}
