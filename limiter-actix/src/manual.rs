//! Limits that code hits itself, by name: in a handler, in a job, around a piece of work.

mod bans;
mod check;
mod cleared_counts;
mod error;
mod target;

use std::{sync::atomic::Ordering, time::Duration};

use actix_web::{Error, HttpRequest, dev::ServiceRequest};
use limiter_core::{
    Key, Policy, Scope, Window,
    storage::{Answer, Batch, Decision, Hit, Storage, StorageError},
};

use self::{check::NamedCheck, target::Target};
pub use self::{cleared_counts::ClearedCounts, error::NamedLimitError, target::LimitName};
use crate::{
    Limiter, OnStorageFailure,
    deadline::{OF_REQUESTS, in_time},
    decision::decide::decide_remotely,
    limit::named::NamedLimit,
    request::pending::PendingDecision,
    settings::{Config, backend::Backend},
    telemetry,
};

/// Manual hits and checks of limits by name: those of [`named_limit`](crate::LimiterBuilder::named_limit), and any other
/// limit that has a [name](crate::Limit::name) or a [shared name](crate::Limit::shared).
///
/// Those of attributes and [resources](crate::resource), application limits and meta limits are known as soon as a server
/// has started with the limiter. All others are known once this process has served a request. Those whose quota or place
/// a function computes are known once a request has met them. `check` takes only named limits. If a name has counts at several routes, add the route by [`LimitName::at`].
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
    /// A [banned](Self::ban) client is refused before anything is counted, unless its route is exempt from all limits.
    /// For one with a [pass](Self::allow), nothing is counted.
    ///
    /// Returns `None` if the limit does not apply to this request, also since an async function of it failed, or is skipped
    /// while the storage fails.
    ///
    /// # Errors
    ///
    /// Returns the whole response to a refused request, so that a handler returns it with `?`. The
    /// [`Breach`](crate::Breach), or the [`Ban`](crate::Ban), is in the extensions of the request. The status is 500 if there is no such limit or
    /// its key function fails, and 503 if the storage fails and the limit
    /// [denies](crate::OnStorageFailure::Deny) then.
    pub async fn check(&self, req: &HttpRequest, limit: &str) -> Result<Option<Window>, Error> {
        let config = self.config();
        let named = named(&config, limit)?;
        let req = ServiceRequest::from_request(req.clone());
        if !config.enabled.load(Ordering::Relaxed) {
            return Ok(None);
        }
        config.settings.call_async_filters(&req).await;
        if config.settings.is_skipped(&req) {
            return Ok(None);
        }
        config.bans.refresh_if_stale().await;
        let check = NamedCheck::new(&config, named, &req).await;
        let checked = match check.refuse_banned(&self.shared, &req) {
            Ok(true) => check.decide_later(&req).await,
            // The client has a pass.
            Ok(false) => Ok(None),
            Err(banned) => Err(banned),
        };
        checked.map_err(|refusal| refusal.into_error(&req))
    }

    /// Charges `cost` to the named limit, if it passes. A refusal is no error: check
    /// [`is_allowed`](Window::is_allowed).
    ///
    /// If the storage fails, the limit is decided in memory. If the limit [allows](crate::OnStorageFailure::Allow)
    /// then, it passes, with the window it has in memory.
    ///
    /// # Errors
    ///
    /// If there is no such limit, if the name alone is not enough, or if the quota is computed from the request. Also if
    /// it is one of concurrent requests, or if the storage fails and the limit [denies](crate::OnStorageFailure::Deny) then.
    pub async fn hit(
        &self,
        limit: impl Into<LimitName<'_>>,
        key: &Key,
        cost: u64,
    ) -> Result<Window, NamedLimitError> {
        let limit = limit.into();
        if cost > 0 && Target::find(self, &self.config(), limit)?.is_concurrent() {
            return Err(NamedLimitError::Concurrent(limit.name().to_owned()));
        }
        let window = self.decide_named(limit, key, cost, |hits| Batch::new(hits)).await?;
        telemetry::manual_hit(limit.name(), &window, false);
        Ok(window)
    }

    /// Charges `amount` to the limit, even beyond it: usage that is known only after the work. It always takes, and returns
    /// the window then.
    ///
    /// Fixed windows and sliding counters count above their amount. A moving window fills up to it. A token bucket goes
    /// into debt by at most one more burst.
    ///
    /// ```
    /// use limiter_actix::{Key, Limiter, Quota};
    ///
    /// # #[actix_web::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limiter = Limiter::builder().named_limit("tokens", Quota::per_hour(1000)).build()?;
    /// let alice = Key::text("user", "alice");
    /// assert_eq!(limiter.charge("tokens", &alice, 1200).await?.remaining(), 0);
    /// assert!(!limiter.hit("tokens", &alice, 1).await?.is_allowed());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`hit`](Self::hit).
    pub async fn charge(
        &self,
        limit: impl Into<LimitName<'_>>,
        key: &Key,
        amount: u64,
    ) -> Result<Window, NamedLimitError> {
        self.decide_on(limit.into(), key, amount, Policy::charging, |hits| Batch::new(hits)).await
    }

    /// Tests whether `cost` would pass now, and charges nothing.
    ///
    /// # Errors
    ///
    /// As for [`hit`](Self::hit).
    pub async fn test(
        &self,
        limit: impl Into<LimitName<'_>>,
        key: &Key,
        cost: u64,
    ) -> Result<Window, NamedLimitError> {
        self.decide_named(limit.into(), key, cost, |hits| Batch::test(hits)).await
    }

    /// Returns the window of the limit, and charges nothing. If one more unit would be refused, it shows the wait
    /// (`retry_after`). Of several quotas under one name, it is the window with the longest wait, or else that with the
    /// least left.
    ///
    /// # Errors
    ///
    /// As for [`hit`](Self::hit).
    pub async fn window(
        &self,
        limit: impl Into<LimitName<'_>>,
        key: &Key,
    ) -> Result<Window, NamedLimitError> {
        self.test(limit, key, 1).await
    }

    /// Forgets the hits of this client on the limit.
    ///
    /// # Errors
    ///
    /// If there is no such limit, if the name alone is not enough, or if the storage is unreachable.
    pub async fn clear(&self, limit: impl Into<LimitName<'_>>, key: &Key) -> Result<(), NamedLimitError> {
        let config = self.config();
        let target = Target::find(self, &config, limit.into())?;
        let hits = target.hits(key, 1);
        everywhere(&config, |storage| storage.clear(&hits)).await
    }

    /// Forgets the hits of this client on all limits, also on those that only other processes have met. Counts of
    /// keys that [combine](Key::and) the client with something else stay.
    ///
    /// Redis walks through the names of all its keys, a few at a time. MongoDB finds the counts by the client.
    /// memcached cannot find them: there, only limits that this process knows are cleared. The returned value shows which of
    /// these it was.
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
        // The memory storage is done when it returns.
        drop(settings.storage.memory().clear(&hits_of(key, &known)));
        let Backend::Remote { storage, .. } = &settings.storage else {
            let is_all = settings.known.is_complete();
            return Ok(ClearedCounts::new(is_all, known.len()));
        };
        // The scopes of all limits begin with the prefix.
        let own = Scope::new([&*settings.prefix]);
        let is_all = answer(&config, &**storage, storage.clear_client(key, &own)).await?;
        let known = if is_all { Vec::new() } else { self.known_counts(&config) };
        if !is_all {
            answer(&config, &**storage, storage.clear(&hits_of(key, &known))).await?;
        }
        Ok(ClearedCounts::new(is_all, known.len()))
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

    /// Decides a hit on the counts of a name. If the storage fails, the failure policy of the limit applies.
    async fn decide_named(
        &self,
        limit: LimitName<'_>,
        key: &Key,
        cost: u64,
        batch: for<'a> fn(&'a [Hit<'a>]) -> Batch<'a>,
    ) -> Result<Window, NamedLimitError> {
        self.decide_on(limit, key, cost, Policy::clone, batch).await
    }

    /// The same for the policies that `policy` makes of those of the limits.
    async fn decide_on(
        &self,
        limit: LimitName<'_>,
        key: &Key,
        cost: u64,
        policy: fn(&Policy) -> Policy,
        batch: for<'a> fn(&'a [Hit<'a>]) -> Batch<'a>,
    ) -> Result<Window, NamedLimitError> {
        let config = self.config();
        let mut target = Target::find(self, &config, limit)?;
        target.policies.iter_mut().for_each(|each| *each = policy(each));
        if target.is_dynamic {
            return Err(NamedLimitError::DynamicLimit(limit.name().to_owned()));
        }
        let settings = &config.settings;
        let (hits, now) = (target.hits(key, cost), settings.clock.now());
        let decision = match &settings.storage {
            Backend::Memory(memory) => (**memory).decide(&batch(&hits), now),
            Backend::Remote { storage, fallback } => {
                match decide_remotely(&config, &**storage, &batch(&hits), now).await {
                    Ok(decision) => decision,
                    Err(error) => match target.on_failure {
                        OnStorageFailure::Fallback => (**fallback).decide(&batch(&hits), now),
                        // With a cost of 0 it passes, and charges nothing.
                        OnStorageFailure::Allow => (**fallback).decide(&batch(&target.hits(key, 0)), now),
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
    Ok(in_time(storage, answer, OF_REQUESTS).await.inspect_err(|error| config.health.count_error(error))?)
}

/// Returns a hit of a client on each of these counts.
fn hits_of<'a>(client: &'a Key, counts: &'a [(Scope, Policy)]) -> Vec<Hit<'a>> {
    counts.iter().map(|(scope, policy)| Hit::new(scope, client, policy)).collect()
}

fn named<'c>(config: &'c Config, name: &str) -> Result<&'c NamedLimit, NamedLimitError> {
    let named = config.settings.named.iter().find(|named| named.name == name);
    named.ok_or_else(|| {
        let all: Vec<_> = config.settings.named.iter().map(|other| other.name.clone()).collect();
        NamedLimitError::UnknownLimit { name: name.to_owned(), known: target::list(&all), hint: "" }
    })
}

/// Returns the window with the longest wait, or else that with the least left.
fn window(decision: &Decision) -> Result<Window, StorageError> {
    let windows = || decision.guards().iter().chain(decision.limits());
    let refused = windows().filter(|window| !window.is_allowed());
    let longest = refused.max_by_key(|window| window.retry_after().unwrap_or(Duration::MAX));
    let window = longest.or_else(|| windows().min_by_key(|window| window.remaining()));
    window.copied().ok_or_else(|| StorageError::new("the storage returned no window for the limit"))
}
