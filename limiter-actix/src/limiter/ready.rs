//! The check for readiness probes, and what is to do before the process ends.

use limiter_core::{
    Key, Policy, Quota, Scope,
    storage::{Batch, Hit, StorageError},
};

use crate::{
    Limiter,
    deadline::{OF_REQUESTS, in_time},
    decision::decide::decide_remotely,
    settings::{Config, backend::Backend},
};

impl Limiter {
    /// Checks that the storage decides, for readiness probes. A storage in memory is always ready.
    ///
    /// It decides once by each strategy, without a charge, and writes a value that nobody reads. On Redis that loads
    /// the scripts. A new connection also begins to compare the clocks, which logs S004 if they differ.
    ///
    /// ```
    /// use actix_web::{HttpResponse, get, web::Data};
    /// use limiter_actix::{Limiter, exempt};
    ///
    /// #[exempt]
    /// #[get("/ready")]
    /// async fn ready(limiter: Data<Limiter>) -> HttpResponse {
    ///     match limiter.ready().await {
    ///         Ok(()) => HttpResponse::Ok().finish(),
    ///         Err(_) => HttpResponse::ServiceUnavailable().finish(),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// If the storage is unreachable, does not accept writes, or does not decide. The error is for the log of the
    /// operator.
    pub async fn ready(&self) -> Result<(), StorageError> {
        let config = self.config();
        let settings = &config.settings;
        let Backend::Remote { storage, .. } = &settings.storage else { return Ok(()) };
        let (scope, client) = (Scope::new([&*settings.prefix, "ready"]), Key::text("limiter", "ready"));
        for policy in policies(&config) {
            // With a cost of 0 it passes and changes nothing, by the same script as the hit of a request.
            let hits = [Hit::new(&scope, &client, &policy).cost(0)];
            let batch = Batch::new(&hits);
            let _admitted = decide_remotely(&config, &**storage, &batch, settings.clock.now()).await?;
        }
        let probe = in_time(&**storage, storage.probe(), OF_REQUESTS).await;
        probe.inspect_err(|error| config.health.count_error(error))
    }
}

impl Limiter {
    /// Completes what is pending before the process ends: refunds what was [leased](crate::LimiterBuilder::leases) and is
    /// unused, and writes the file of [`persist`](crate::LimiterBuilder::persist). Call it once the server has stopped.
    ///
    /// # Errors
    ///
    /// If the storage does not answer in time. Then some quota is lost until its window ends. Also if the file cannot be
    /// written.
    pub async fn flush(&self) -> Result<(), StorageError> {
        let config = self.config();
        self.shared.write_state().map_err(|error| {
            StorageError::new("the state of the limits could not be written").with_source(error)
        })?;
        let Backend::Remote { storage, .. } = &config.settings.storage else { return Ok(()) };
        in_time(&**storage, storage.flush(config.settings.clock.now()), OF_REQUESTS).await
    }
}

/// Returns a policy for each strategy that limits use.
fn policies(config: &Config) -> Vec<Policy> {
    let settings = &config.settings;
    let mut strategies = vec![settings.strategy];
    for (_, policy) in settings.known.all() {
        if !strategies.contains(&policy.strategy()) {
            strategies.push(policy.strategy());
        }
    }
    let policies = strategies.into_iter().map(|strategy| Policy::new(Quota::per_minute(1), strategy));
    // A strategy that the storage lacks has no limits.
    policies.filter(|policy| settings.storage.storage().check(policy).is_ok()).collect()
}
