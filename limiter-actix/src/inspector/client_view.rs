//! One client: its windows on every limit, and its bans.

use std::{collections::HashMap, iter, sync::Arc};

use limiter_core::{
    Key, Policy, Scope, Timestamp, Window,
    storage::{Batch, Decision, Hit, Storage, StorageError},
};
use serde::Serialize;

use super::{
    client_text,
    respond::{ApiError, millis},
    views::BanView,
};
use crate::{
    Limiter, RouteLimit,
    deadline::{OF_REQUESTS, in_time},
    decision::decide::decide_remotely,
    settings::{Config, backend::Backend},
};

/// The most counts that are read for one client.
const MAX_COUNTS: usize = 4096;
/// The number of counts in one call of the storage.
const BATCH: usize = 64;

#[derive(Serialize)]
pub(super) struct ClientView {
    /// The client in the form of the log.
    client: String,
    /// `true` if a limit or a ban refuses its next request.
    is_refused: bool,
    /// The time in milliseconds since the epoch at which all of these limits let it pass again, as far as that is known.
    until: Option<u64>,
    ban: Option<BanView>,
    /// The limits that the client has used, those that refuse it first.
    windows: Vec<WindowView>,
    /// The number of counts that were read.
    counts: usize,
    /// The places where the storage has counts of the client, if they were requested and it can find them.
    stored: Option<Vec<String>>,
    /// `false` if there are more counts, or such that only a request determines.
    is_complete: bool,
}

#[derive(Serialize)]
struct WindowView {
    /// The limit as lists show it; its quota alone if no route has it any more.
    limit: String,
    /// The places that share the count, such as a route.
    scope: String,
    level: Option<&'static str>,
    amount: u64,
    remaining: u64,
    reset_seconds: u64,
    is_refused: bool,
    is_shadow: bool,
    has_own_key: bool,
    retry_after_seconds: Option<u64>,
    /// In milliseconds since the epoch.
    until: Option<u64>,
}

/// A count with the limit that it belongs to, if a route has that.
type CountedLimit = (Scope, Policy, Option<RouteLimit>);

/// Returns the view of a client. `finds_stored` if the storage shall find its counts, also those that this process does
/// not know. That may take a while.
pub(super) async fn view(limiter: &Limiter, text: &str, finds_stored: bool) -> Result<ClientView, ApiError> {
    let client = client_text::key(limiter, text)?;
    let config = limiter.config();
    let settings = &config.settings;
    let (mut counted, mut is_complete) = counts(limiter, &config);
    is_complete &= counted.len() <= MAX_COUNTS;
    counted.truncate(MAX_COUNTS);
    let mut stored = None;
    if let Backend::Remote { storage, .. } = &settings.storage
        && finds_stored
    {
        stored = scopes(&config, &**storage, &client).await?;
        let is_known = |place: &String| counted.iter().any(|(scope, ..)| place_of(scope) == *place);
        is_complete &= stored.as_ref().is_some_and(|stored| stored.iter().all(is_known));
    }
    // No worker may be running.
    config.bans.refresh_if_stale().await;
    let now = settings.clock.now();
    let mut windows = Vec::new();
    for chunk in counted.chunks(BATCH) {
        let read = read(&config, &client, chunk, now).await.map_err(|_| ApiError::unavailable())?;
        windows.extend(
            chunk.iter().zip(read).filter_map(|(count, window)| WindowView::new(count, &window, now)),
        );
    }
    windows.sort_by_key(|window| (!window.refuses(), window.remaining));
    let ban = config.bans.find(iter::once(&client), text.trim().parse().ok(), now);
    let is_banned = ban.as_ref().is_some_and(|ban| !ban.is_pass());
    let has_pass = ban.as_ref().is_some_and(|ban| ban.is_pass());
    let is_refused = is_banned || (!has_pass && windows.iter().any(WindowView::refuses));
    let ends = windows.iter().filter(|window| window.refuses()).map(|window| window.until);
    let of_ban = ban.as_ref().filter(|_| is_banned).map(|ban| Some(millis(ban.end())));
    let until = if is_refused { ends.chain(of_ban).max().flatten() } else { None };
    Ok(ClientView {
        client: client.logged(&settings.key_forms).to_string(),
        is_refused,
        until,
        ban: ban.as_deref().map(BanView::new),
        windows,
        counts: counted.len(),
        stored,
        is_complete,
    })
}

/// Returns the places where the storage has counts of a client. `None` if it cannot find them.
async fn scopes(
    config: &Config,
    storage: &dyn Storage,
    client: &Key,
) -> Result<Option<Vec<String>>, ApiError> {
    // The scopes of all limits begin with the prefix.
    let own = Scope::new([&*config.settings.prefix]);
    let found = in_time(storage, storage.client_scopes(client, &own), OF_REQUESTS).await;
    found.map_err(|_| ApiError::unavailable())
}

/// Returns a scope as text, without the prefix.
fn place_of(scope: &Scope) -> String {
    scope.parts().skip(1).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Returns all counts that this process knows, and whether there are no others.
fn counts(limiter: &Limiter, config: &Arc<Config>) -> (Vec<CountedLimit>, bool) {
    let mut counts: Vec<CountedLimit> = Vec::new();
    let mut numbers: HashMap<(Scope, Policy), usize> = HashMap::new();
    let listed = limiter.listed_limits(config).into_iter().flat_map(|listed| {
        let limit = listed.limit;
        listed.counts.into_iter().map(move |count| (count, Some(limit.clone())))
    });
    let known = config.settings.known.all().into_iter().map(|count| (count, None));
    for (count, limit) in listed.chain(known) {
        numbers.entry(count.clone()).or_insert_with(|| {
            counts.push((count.0, count.1, limit));
            counts.len()
        });
    }
    (counts, config.settings.known.is_complete())
}

/// Reads the windows of a client, without a charge.
async fn read(
    config: &Config,
    client: &Key,
    counts: &[CountedLimit],
    now: Timestamp,
) -> Result<Vec<Window>, StorageError> {
    let hits: Vec<_> = counts.iter().map(|(scope, policy, _)| Hit::new(scope, client, policy)).collect();
    let batch = Batch::test(&hits);
    let decision: Decision = match &config.settings.storage {
        Backend::Memory(memory) => memory.decide(&batch, now).await?,
        Backend::Remote { storage, .. } => decide_remotely(config, &**storage, &batch, now).await?,
    };
    // A test has its hits as guards.
    Ok(decision.guards().iter().chain(decision.limits()).copied().collect())
}

impl WindowView {
    /// Returns the view of a window that the client has used.
    fn new((scope, policy, limit): &CountedLimit, window: &Window, now: Timestamp) -> Option<Self> {
        if window.is_allowed() && window.remaining() >= window.limit() {
            return None;
        }
        let wait = window.retry_after();
        Some(Self {
            limit: limit.as_ref().map_or_else(|| policy.to_string(), ToString::to_string),
            scope: place_of(scope),
            level: limit.as_ref().map(RouteLimit::level),
            amount: window.limit(),
            remaining: window.remaining(),
            reset_seconds: seconds(window.reset()),
            is_refused: !window.is_allowed(),
            is_shadow: limit.as_ref().is_some_and(RouteLimit::is_shadow),
            has_own_key: limit.as_ref().is_some_and(RouteLimit::has_own_key),
            retry_after_seconds: wait.map(seconds),
            until: wait.map(|wait| millis(now.after(wait))),
        })
    }

    /// Returns whether the limit refuses the next request.
    fn refuses(&self) -> bool {
        self.is_refused && !self.is_shadow
    }
}

fn seconds(duration: std::time::Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
