//! Limits that code hits itself: in a handler, in a job, around a piece of work.

use std::sync::atomic::Ordering;

use actix_web::{
    Error, HttpMessage, HttpRequest, ResponseError, dev::ServiceRequest, error::InternalError,
    http::StatusCode,
};
use limiter_core::{
    Key, Window,
    storage::{Batch, Hit, Storage, StorageError},
};

use crate::{
    Limiter, OnStorageFailure,
    decision::{
        charge::{Charge, any_key_failed},
        context::DecisionContext,
        deadline::in_time,
        decided::DecidedBatch,
        query::StorageQuery,
    },
    limit::named::NamedLimit,
    plan::{
        DeclaredLimit,
        bound_limit::{LimitSlot, Tier},
    },
    report::decided_by::{DecidedBy, Undecided},
    request::refuse::{refuse, undecided},
    routing::plan_builder::meta_limits,
    settings::{Config, backend::Backend},
    telemetry,
};

/// Why a limit could not be asked by hand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamedLimitError {
    /// The limiter has no limit of this name.
    #[error("the limiter has no limit named `{0}`; add it with `LimiterBuilder::named_limit`")]
    UnknownLimit(String),
    /// The storage could not be reached.
    #[error("the storage could not be reached")]
    Storage(#[from] StorageError),
}

/// 500 for a limit that is not there, 503 when the storage cannot be reached.
impl ResponseError for NamedLimitError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::UnknownLimit(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Limits by hand. The limits are those of [`named_limit`](crate::LimiterBuilder::named_limit).
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
    /// Takes from the named limit for a request, as the middleware would: with the limit's own key and cost,
    /// its exemption, request filters, meta limits and the switch. When the storage fails, what holds there holds
    /// here; [`in_memory_fallback`](crate::LimiterBuilder::in_memory_fallback) aside, since a named limit has no
    /// route.
    ///
    /// None means that the limit is off for this request, or has dropped out since the storage fails. The error is
    /// the whole refusal: a handler returns it by `?`.
    ///
    /// # Errors
    ///
    /// The response to a refused request, with the [`Breach`](crate::Breach) in the extensions of the request;
    /// 500 when there is no such limit or its key cannot be told; 503 when the storage fails and the limit is to
    /// [deny](crate::OnStorageFailure::Deny) then.
    pub async fn check(&self, req: &HttpRequest, limit: &str) -> Result<Option<Window>, Error> {
        let config = self.config();
        let named = named(&config, limit).map_err(actix_web::error::ErrorInternalServerError)?;
        let req = ServiceRequest::from_request(req.clone());
        let settings = &config.settings;
        if !config.enabled.load(Ordering::Relaxed) || settings.is_skipped(&req) {
            return Ok(None);
        }
        let client = settings.client(&req);
        let slot = LimitSlot {
            tier: Tier::Route,
            scope: named.scope.clone(),
            label: named.policy.label().to_owned(),
            is_local: true,
        };
        let declared = DeclaredLimit::new(&named.limit, slot, settings);
        let limits = Charge::of(&declared.of(&req).limits, &client, &req);
        let mut meta = Charge::of(&meta_limits(settings, &req), &client, &req);
        meta.extend(Charge::of_breaches(&limits));

        let now = settings.clock.now();
        let (plan, kept) = (None, &[][..]);
        let query = StorageQuery {
            guards: &meta,
            limits: &limits,
            on_refusal: &meta,
            client: &client,
            now,
            plan,
            kept,
        };
        let outcome = if any_key_failed(&limits, &client) || any_key_failed(&meta, &client) {
            Err(Undecided::CallbackFailed)
        } else {
            query.decide(&config, &req).await
        };
        let decided_by = outcome.as_ref().map_or_else(|_| DecidedBy::Skipped, |outcome| outcome.by);
        let manual = Some(named.name.as_str());
        let context = DecisionContext { settings, client: &client, now, route: None, decided_by, manual };
        let decision = match outcome {
            Ok(outcome) => outcome.decision,
            Err(why) => {
                let response = undecided(why, &context, &req);
                return Err(InternalError::from_response("the limit could not be checked", response).into());
            }
        };
        let batch = DecidedBatch { decision: &decision, guards: &meta, limits: &limits, refunded: &[] };
        if let Some((breach, response)) = refuse(&context, &batch, &req) {
            req.extensions_mut().insert(breach.clone());
            return Err(InternalError::from_response(breach.message().to_owned(), response).into());
        }
        let is_decided = limits.first().is_some_and(Charge::is_decided);
        let window = decision.limits().first().filter(|_| is_decided).copied();
        Ok(window.inspect(|window| telemetry::manual_hit(limit, window, named.limit.shadow)))
    }

    /// Takes `cost` from the named limit, if it passes. A refusal is an outcome:
    /// [`is_allowed`](Window::is_allowed) tells.
    ///
    /// When the storage fails, the limit is decided in memory, or, where it is to
    /// [allow](crate::OnStorageFailure::Allow) then, passes and is reported as it would stand in memory.
    ///
    /// # Errors
    ///
    /// When there is no such limit, or the storage fails and the limit is to
    /// [deny](crate::OnStorageFailure::Deny) then.
    pub async fn hit(&self, limit: &str, key: &Key, cost: u64) -> Result<Window, NamedLimitError> {
        let window = self.ask(limit, key, cost, |hits| Batch::new(hits)).await?;
        telemetry::manual_hit(limit, &window, false);
        Ok(window)
    }

    /// Tells whether `cost` would pass now, and how the limit stands. Takes nothing.
    ///
    /// # Errors
    ///
    /// As for [`hit`](Self::hit).
    pub async fn test(&self, limit: &str, key: &Key, cost: u64) -> Result<Window, NamedLimitError> {
        self.ask(limit, key, cost, |hits| Batch::test(hits)).await
    }

    /// Tells how the limit stands.
    ///
    /// # Errors
    ///
    /// As for [`hit`](Self::hit).
    pub async fn window(&self, limit: &str, key: &Key) -> Result<Window, NamedLimitError> {
        self.test(limit, key, 0).await
    }

    /// Forgets what this client has taken from the named limit.
    ///
    /// # Errors
    ///
    /// When there is no such limit, or the storage cannot be reached.
    pub async fn clear(&self, limit: &str, key: &Key) -> Result<(), NamedLimitError> {
        let config = self.config();
        let named = named(&config, limit)?;
        let hits = [Hit::new(&named.scope, key, &named.policy)];
        // Done when it returns: the memory storage answers at once.
        drop(config.settings.storage.memory().clear(&hits));
        if let Backend::Remote { storage, .. } = &config.settings.storage {
            counted(&config, in_time(&**storage, storage.clear(&hits)).await)?;
        }
        Ok(())
    }

    /// Forgets what this client has taken from any limit that this process has met so far. Limits whose
    /// [shared name](crate::Limit::shared_with) a function tells are not among them.
    ///
    /// # Errors
    ///
    /// When the storage cannot be reached.
    pub async fn clear_all(&self, key: &Key) -> Result<(), NamedLimitError> {
        let config = self.config();
        let known = config.settings.known.all();
        let hits: Vec<_> = known.iter().map(|(scope, policy)| Hit::new(scope, key, policy)).collect();
        drop(config.settings.storage.memory().clear(&hits));
        if let Backend::Remote { storage, .. } = &config.settings.storage {
            counted(&config, in_time(&**storage, storage.clear(&hits)).await)?;
        }
        Ok(())
    }

    /// Forgets all counts of the storage, whoever put them there.
    ///
    /// # Errors
    ///
    /// When the storage cannot be reached, or has no way to find its counts.
    pub async fn reset(&self) -> Result<(), NamedLimitError> {
        let config = self.config();
        drop(config.settings.storage.memory().reset());
        if let Backend::Remote { storage, .. } = &config.settings.storage {
            counted(&config, in_time(&**storage, storage.reset()).await)?;
        }
        Ok(())
    }

    /// The report of the storage; when that fails, of what the limit says is to decide then.
    async fn ask(
        &self,
        limit: &str,
        key: &Key,
        cost: u64,
        batch: for<'a> fn(&'a [Hit<'a>]) -> Batch<'a>,
    ) -> Result<Window, NamedLimitError> {
        let config = self.config();
        let named = named(&config, limit)?;
        let hit = Hit::new(&named.scope, key, &named.policy);
        let (settings, hits) = (&config.settings, [hit.cost(cost)]);
        let now = settings.clock.now();
        let decision = match &settings.storage {
            Backend::Memory(memory) => memory.decide(&batch(&hits), now),
            Backend::Remote { storage, fallback } => {
                match in_time(&**storage, storage.decide(&batch(&hits), now)).await {
                    Ok(decision) => {
                        config.health.succeeded();
                        decision
                    }
                    Err(error) => {
                        config.health.failed(&error, now);
                        let hit = match named.limit.on_storage_failure.unwrap_or(settings.failure.policy) {
                            OnStorageFailure::Fallback => hit.cost(cost),
                            // A look always passes and takes nothing.
                            OnStorageFailure::Allow => hit.cost(0),
                            OnStorageFailure::Deny => return Err(error.into()),
                        };
                        (**fallback).decide(&batch(&[hit]), now)
                    }
                }
            }
        };
        let report = decision.guards().first().or_else(|| decision.limits().first());
        report.copied().ok_or_else(|| no_report().into())
    }
}

/// Counts an error; what needs no decision tells nothing else of the storage's health.
fn counted<T>(config: &Config, answer: Result<T, StorageError>) -> Result<T, StorageError> {
    answer.inspect_err(|_| config.health.count_error())
}

fn named<'c>(config: &'c Config, name: &str) -> Result<&'c NamedLimit, NamedLimitError> {
    let named = config.settings.named.iter().find(|named| named.name == name);
    named.ok_or_else(|| NamedLimitError::UnknownLimit(name.to_owned()))
}

fn no_report() -> StorageError {
    StorageError::new("the storage did not say how the limit stands")
}
