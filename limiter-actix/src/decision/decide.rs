//! The decision of a request, whether the storage answers or fails.

use actix_web::dev::ServiceRequest;
use limiter_core::storage::{Decision, Verdict};

use super::query::{QueryOutcome, StorageQuery};
use crate::{
    report::decided_by::{DecidedBy, Undecided},
    settings::{Config, backend::Backend},
};

impl StorageQuery<'_> {
    /// The decision of the limiter's storage; when that fails, of what is to decide then.
    pub(crate) async fn decide(
        &self,
        config: &Config,
        req: &ServiceRequest,
    ) -> Result<QueryOutcome, Undecided> {
        let _timer = config.settings.telemetry.time_decision(!self.limits.is_empty());
        let by_storage = |decision| QueryOutcome { decision, by: DecidedBy::Storage, outage_limits: None };
        match &config.settings.storage {
            Backend::Memory(memory) => Ok(by_storage(self.run_memory(memory))),
            Backend::Remote { .. } if self.limits.is_empty() && self.guards.is_empty() => {
                Ok(by_storage(Decision::new(Verdict::Admitted, [], [])))
            }
            Backend::Remote { storage, fallback } => {
                let now = config.settings.clock.now();
                match self.run(&**storage, now).await {
                    Ok(decision) => {
                        config.health.succeeded();
                        Ok(by_storage(decision))
                    }
                    Err(error) => {
                        config.health.failed(&error, now);
                        self.decide_on_failure(fallback, &config.settings, req)
                    }
                }
            }
        }
    }
}
