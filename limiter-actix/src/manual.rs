//! Limits that code hits itself, by name: in a handler, in a job, around a piece of work.

mod bans;
mod check;

use std::sync::atomic::Ordering;

use actix_web::{Error, HttpRequest, ResponseError, dev::ServiceRequest, http::StatusCode};
use limiter_core::{
    Key, Scope, Window,
    storage::{Answer, Batch, Decision, Hit, Storage, StorageError},
};

use self::check::NamedCheck;
use crate::{
    Limiter, OnStorageFailure,
    decision::{deadline::in_time, decide::decide_remotely, fallback},
    limit::named::NamedLimit,
    request::pending::PendingDecision,
    settings::{Config, backend::Backend},
    telemetry,
};

/// An error of a named limit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamedLimitError {
    /// The limiter has no limit of this name.
    #[error("the limiter has no limit named `{0}`; add it with `LimiterBuilder::named_limit`")]
    UnknownLimit(String),
    /// The storage is unreachable.
    #[error("the storage is unreachable")]
    Storage(#[from] StorageError),
}

/// The counts of a client that [`Limiter::clear_all`] has cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClearedCounts {
    /// All counts of the client.
    All,
    /// The counts of the limits that this process has met, because the storage has no way to find others.
    #[non_exhaustive]
    KnownLimits {
        /// The number of these limits.
        limits: usize,
    },
}

/// Responds with 500 to an unknown limit, and with 503 if the storage is unreachable.
impl ResponseError for NamedLimitError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::UnknownLimit(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Manual hits and checks of the limits of [`named_limit`](crate::LimiterBuilder::named_limit).
///
/// ```
/// use limiter_actix::{Key, Limiter, Quota};
///
/// # #[actix_web::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = Limiter::builder().named_limit("exports", Quota::per_hour(2)).build()?;
/// let alice = Key::text("user", "alice");
///
/// assert!(limiter.hit("exports", &alice, 2).await?.is_allowed());
/// assert!(!limiter.test("exports", &alice, 1).await?.is_allowed());
/// assert_eq!(limiter.window("exports", &alice).await?.remaining(), 0);
///
/// limiter.clear("exports", &alice).await?;
/// assert!(limiter.test("exports", &alice, 1).await?.is_allowed());
/// # Ok(())
/// # }
/// ```
impl Limiter {
    /// Charges the named limit for a request, as the middleware would: with the limit's own key, cost and exemption,
    /// the request filters, meta limits and the switch of the limiter. The failure policies apply too, except
    /// [`in_memory_fallback`](crate::LimiterBuilder::in_memory_fallback): a named limit has no route.
    ///
    /// Returns `None` if the limit does not apply to this request, or is skipped while the storage fails.
    ///
    /// # Errors
    ///
    /// Returns the whole response to a refused request, so that a handler returns it with `?`. The
    /// [`Breach`](crate::Breach) is in the extensions of the request. The status is 500 if there is no such limit or
    /// its key function fails, and 503 if the storage fails and the limit
    /// [denies](crate::OnStorageFailure::Deny) then.
    pub async fn check(&self, req: &HttpRequest, limit: &str) -> Result<Option<Window>, Error> {
        let config = self.config();
        let named = named(&config, limit).map_err(actix_web::error::ErrorInternalServerError)?;
        let req = ServiceRequest::from_request(req.clone());
        if !config.enabled.load(Ordering::Relaxed) || config.settings.is_skipped(&req) {
            return Ok(None);
        }
        match NamedCheck::new(&config, named, &req).decide_later(&req).await {
            Ok(window) => Ok(window),
            Err(refusal) => Err(refusal.into_error(&req)),
        }
    }

    /// Charges `cost` to the named limit, if it passes. A refusal is no error: check
    /// [`is_allowed`](Window::is_allowed).
    ///
    /// If the storage fails, the limit is decided in memory. If the limit [allows](crate::OnStorageFailure::Allow)
    /// then, it passes, with the window it has in memory.
    ///
    /// # Errors
    ///
    /// If there is no such limit, or the storage fails and the limit [denies](crate::OnStorageFailure::Deny) then.
    pub async fn hit(&self, limit: &str, key: &Key, cost: u64) -> Result<Window, NamedLimitError> {
        let window = self.decide_named(limit, key, cost, |hits| Batch::new(hits)).await?;
        telemetry::manual_hit(limit, &window, false);
        Ok(window)
    }

    /// Tests whether `cost` would pass now, and charges nothing.
    ///
    /// # Errors
    ///
    /// As for [`hit`](Self::hit).
    pub async fn test(&self, limit: &str, key: &Key, cost: u64) -> Result<Window, NamedLimitError> {
        self.decide_named(limit, key, cost, |hits| Batch::test(hits)).await
    }

    /// Returns the window of the limit, and charges nothing.
    ///
    /// # Errors
    ///
    /// As for [`hit`](Self::hit).
    pub async fn window(&self, limit: &str, key: &Key) -> Result<Window, NamedLimitError> {
        self.test(limit, key, 0).await
    }

    /// Forgets the hits of this client on the named limit.
    ///
    /// # Errors
    ///
    /// If there is no such limit, or the storage is unreachable.
    pub async fn clear(&self, limit: &str, key: &Key) -> Result<(), NamedLimitError> {
        let config = self.config();
        let named = named(&config, limit)?;
        let hits = [Hit::new(&named.scope, key, &named.policy)];
        everywhere(&config, |storage| storage.clear(&hits)).await
    }

    /// Forgets the hits of this client on all limits, also on those that only other processes have met. Counts of
    /// keys that [combine](Key::and) the client with something else stay.
    ///
    /// Redis walks through the names of all its keys, a few at a time. MongoDB finds the counts by the client.
    /// memcached cannot find them: there, only limits that this process has met are cleared. The returned value
    /// shows which of these it was.
    ///
    /// ```
    /// use limiter_actix::{ClearedCounts, Key, Limiter, Quota};
    ///
    /// # #[actix_web::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limiter = Limiter::builder().named_limit("exports", Quota::per_hour(2)).build()?;
    /// let cleared = limiter.clear_all(&Key::text("user", "alice")).await?;
    /// assert_eq!(cleared, ClearedCounts::All);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the storage is unreachable.
    pub async fn clear_all(&self, key: &Key) -> Result<ClearedCounts, NamedLimitError> {
        let config = self.config();
        let settings = &config.settings;
        let known = settings.known.all();
        let hits: Vec<_> = known.iter().map(|(scope, policy)| Hit::new(scope, key, policy)).collect();
        // The memory storage is done when it returns.
        drop(settings.storage.memory().clear(&hits));
        let is_all = match &settings.storage {
            Backend::Memory(_) => settings.known.is_complete(),
            Backend::Remote { storage, .. } => {
                // The scopes of all limits begin with the prefix.
                let own = Scope::new([&*settings.prefix]);
                let is_all = answer(&config, &**storage, storage.clear_client(key, &own)).await?;
                if !is_all {
                    answer(&config, &**storage, storage.clear(&hits)).await?;
                }
                is_all
            }
        };
        Ok(if is_all { ClearedCounts::All } else { ClearedCounts::KnownLimits { limits: hits.len() } })
    }

    /// Forgets all counts of the storage, including those of other limiters.
    ///
    /// # Errors
    ///
    /// If the storage is unreachable, or has no way to find its counts.
    pub async fn reset(&self) -> Result<(), NamedLimitError> {
        let config = self.config();
        everywhere(&config, |storage| storage.reset()).await
    }

    /// Decides a hit on a named limit. If the storage fails, the failure policy of the limit applies.
    async fn decide_named(
        &self,
        limit: &str,
        key: &Key,
        cost: u64,
        batch: for<'a> fn(&'a [Hit<'a>]) -> Batch<'a>,
    ) -> Result<Window, NamedLimitError> {
        let config = self.config();
        let named = named(&config, limit)?;
        let settings = &config.settings;
        let hit = Hit::new(&named.scope, key, &named.policy);
        let (hits, now) = ([hit.cost(cost)], settings.clock.now());
        let decision = match &settings.storage {
            Backend::Memory(memory) => (**memory).decide(&batch(&hits), now),
            Backend::Remote { storage, fallback } => {
                match decide_remotely(&config, &**storage, &batch(&hits), now).await {
                    Ok(decision) => decision,
                    Err(error) => match fallback::policy(&named.limit, settings) {
                        OnStorageFailure::Fallback => (**fallback).decide(&batch(&hits), now),
                        // With a cost of 0 it passes, and charges nothing.
                        OnStorageFailure::Allow => (**fallback).decide(&batch(&[hit.cost(0)]), now),
                        OnStorageFailure::Deny => return Err(error.into()),
                    },
                }
            }
        };
        Ok(window(&decision)?)
    }
}

/// Runs an operation in memory and then in the remote storage, if there is one.
async fn everywhere<'s>(
    config: &'s Config,
    operation: impl Fn(&'s dyn Storage) -> Answer<'s, ()>,
) -> Result<(), NamedLimitError> {
    let settings = &config.settings;
    // The memory storage is done when it returns.
    drop(operation(&**settings.storage.memory()));
    if let Backend::Remote { storage, .. } = &settings.storage {
        answer(config, &**storage, operation(&**storage)).await?;
    }
    Ok(())
}

/// Awaits an answer of the remote storage. A failure counts as an error of the storage. Its health depends on decisions
/// only.
async fn answer<T: Unpin>(
    config: &Config,
    storage: &dyn Storage,
    answer: Answer<'_, T>,
) -> Result<T, NamedLimitError> {
    Ok(in_time(storage, answer).await.inspect_err(|error| config.health.count_error(error))?)
}

fn named<'c>(config: &'c Config, name: &str) -> Result<&'c NamedLimit, NamedLimitError> {
    let named = config.settings.named.iter().find(|named| named.name == name);
    named.ok_or_else(|| NamedLimitError::UnknownLimit(name.to_owned()))
}

/// Returns the window of a decision about one limit.
fn window(decision: &Decision) -> Result<Window, StorageError> {
    let window = decision.guards().first().or_else(|| decision.limits().first());
    window.copied().ok_or_else(|| StorageError::new("the storage returned no window for the limit"))
}
