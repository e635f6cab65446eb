//! A cache for async functions.

pub(crate) mod error;
mod pending;

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use limiter_core::{
    Clock, SystemClock, Timestamp,
    log::{Throttle, event, shown},
};
use quick_cache::sync::Cache;
use tokio::time::timeout;

use self::{
    error::LookupError,
    pending::{LookupResult, Pending, RunningLookup},
};
use crate::limit::async_function::{caught, text_of};

/// A cache of what an async function finds by key, such as the plans of clients in a database.
///
/// * A value is fresh for the [time to live](Self::time_to_live). Then the next request for its key looks it up again.
/// * Requests for a key share one lookup. It is a task of its own, so it goes on if the client of a request hangs up, and
///   after the deadline of the function that called it.
/// * While the source fails or is slow, the last value of a key stays in use, and the source is tried again after a second.
///   The log then has the code `L018`.
/// * It keeps a bounded number of values and of lookups under way.
///
/// Clones share the values. Make it once, outside of the function that makes the app for each worker. Requires the feature
/// `lookup`.
///
/// ```
/// use std::time::Duration;
///
/// use actix_web::dev::ServiceRequest;
/// use limiter_actix::{Limit, Lookup, LookupError, Quota};
///
/// async fn plan_in_database(user: String) -> Result<u64, std::io::Error> {
///     Ok(if user == "ada" { 500 } else { 20 })
/// }
///
/// let plans = Lookup::new(plan_in_database).time_to_live(Duration::from_secs(30));
/// let limit = Limit::dynamic_async(async move |req: &ServiceRequest| {
///     let user = req.headers().get("x-user").and_then(|user| user.to_str().ok()).unwrap_or_default();
///     Ok::<_, LookupError>(Quota::per_minute(plans.get(user).await?))
/// });
/// # let _ = limit;
/// ```
pub struct Lookup<K, V> {
    state: Arc<LookupState<K, V>>,
    source: LookupSource<K, V>,
    settings: LookupSettings,
    clock: Arc<dyn Clock>,
}

type LookupSource<K, V> = Arc<dyn Fn(K) -> BoxFuture<'static, Result<V, String>> + Send + Sync>;

#[derive(Clone, Copy, Debug)]
struct LookupSettings {
    time_to_live: Duration,
    deadline: Duration,
    max_under_way: usize,
}

struct LookupState<K, V> {
    values: Cache<K, CachedValue<V>>,
    pending: Pending<K, V>,
    failed: Throttle,
}

#[derive(Clone)]
struct CachedValue<V> {
    value: V,
    fresh_until: Timestamp,
}

const DEFAULT_CAPACITY: usize = 10_000;

/// The longest key, in bytes. Clients may choose keys as long as a header.
const MAX_KEY_LEN: usize = 8 * 1024;

/// The time that a request waits for a new value if there is an old one.
const PATIENCE: Duration = Duration::from_millis(100);

/// The time after which a source that failed is tried again, if there is an old value.
const PAUSE: Duration = Duration::from_secs(1);

impl<K, V> Lookup<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Creates a lookup in this source. To remember that a key has no value, let the values be `Option`s.
    pub fn new<F, R, E>(source: F) -> Self
    where
        F: Fn(K) -> R + Send + Sync + 'static,
        R: Future<Output = Result<V, E>> + Send + 'static,
        E: fmt::Display,
    {
        let source = Arc::new(source);
        let source: LookupSource<K, V> = Arc::new(move |key| {
            let source = Arc::clone(&source);
            Box::pin(async move { source(key).await.map_err(|error| error.to_string()) })
        });
        let settings = LookupSettings {
            time_to_live: Duration::from_secs(60),
            deadline: Duration::from_secs(5),
            max_under_way: 1000,
        };
        Self {
            state: LookupState::new(DEFAULT_CAPACITY),
            source,
            settings,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Sets the time for which a value is fresh. Defaults to 60 seconds.
    #[must_use]
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.settings.time_to_live = time_to_live;
        self
    }

    /// Sets the number of keys whose values are kept, at least 1. Defaults to 10 000. Beyond it, a new value takes the place
    /// of one that is rarely used.
    ///
    /// Set it before clones are made: it empties this one.
    #[must_use]
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.state = LookupState::new(capacity.max(1));
        self
    }

    /// Sets the time after which a lookup fails. Defaults to 5 seconds. Requests give up earlier: the
    /// [deadline](crate::LimiterBuilder::function_deadline) of their function is shorter.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// Sets the number of lookups under way at the same time. Defaults to 1000. Further ones fail at once.
    #[must_use]
    pub fn max_under_way(mut self, max: usize) -> Self {
        self.settings.max_under_way = max;
        self
    }

    /// Sets the clock, for tests. Defaults to that of the system.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the value of a key: the last one if it is fresh, or else a new one. If the source fails, it is the last one
    /// in any case.
    ///
    /// # Errors
    ///
    /// If there is no last value, and the source fails, does not answer in time, or is called too often. Also if the key is
    /// longer than 8 kB, because it stays in memory.
    pub async fn get<Q>(&self, key: &Q) -> Result<V, LookupError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if hashed_len(key) > MAX_KEY_LEN {
            return Err(LookupError::LongKey(MAX_KEY_LEN));
        }
        let now = self.clock.now();
        let last = self.state.values.get(key);
        if let Some(last) = &last
            && now < last.fresh_until
        {
            return Ok(last.value.clone());
        }
        let key = key.to_owned();
        let running = self.look_up(&key, now);
        let Some(last) = last else { return running?.answer().await };
        let answer = match running {
            Ok(running) => {
                timeout(PATIENCE, running.answer()).await.unwrap_or(Err(LookupError::Late(PATIENCE)))
            }
            Err(error) => Err(error),
        };
        answer.or_else(|error| {
            self.keep(key, &last, now, &error);
            Ok(last.value)
        })
    }

    /// Forgets the value of a key, so that the next request looks it up. A lookup under way leaves no value.
    pub fn forget<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let mut pending = self.state.pending.lock();
        pending.forget(key);
        self.state.values.remove(key);
    }

    /// Returns the number of values that are kept.
    pub fn len(&self) -> usize {
        self.state.values.len()
    }

    /// Returns whether no values are kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Joins the lookup of a key, or starts one.
    fn look_up(&self, key: &K, now: Timestamp) -> Result<RunningLookup<V>, LookupError> {
        let mut pending = self.state.pending.lock();
        if let Some(running) = pending.find(key) {
            return Ok(running);
        }
        // It may have ended since. It leaves its value before it is no longer pending.
        if let Some(value) = self.state.values.get(key)
            && now < value.fresh_until
        {
            return Ok(RunningLookup::done(value.value));
        }
        if pending.len() >= self.settings.max_under_way {
            return Err(LookupError::Busy(self.settings.max_under_way));
        }
        let (turn, running) = pending.begin(key.clone(), &self.state);
        drop(pending);
        tokio::spawn(self.run(key.clone(), turn));
        Ok(running)
    }

    /// Looks a key up, and keeps the value.
    fn run(&self, key: K, turn: pending::LookupTurn<K, V>) -> impl Future<Output = ()> + Send + use<K, V> {
        let (source, settings, clock) = (Arc::clone(&self.source), self.settings, Arc::clone(&self.clock));
        async move {
            let lookup = async { source(key).await };
            let answer: LookupResult<V> = match timeout(settings.deadline, caught(lookup)).await {
                Ok(Ok(answer)) => answer.map_err(|error| LookupError::Failed(error.into())),
                Ok(Err(panic)) => {
                    Err(LookupError::Failed(format!("it panicked: {}", text_of(&*panic)).into()))
                }
                Err(_) => Err(LookupError::Late(settings.deadline)),
            };
            turn.end(answer, clock.now().after(settings.time_to_live));
        }
    }

    /// Keeps the last value of a key for a moment, since the source failed.
    fn keep(&self, key: K, last: &CachedValue<V>, now: Timestamp, error: &LookupError) {
        let kept = CachedValue { value: last.value.clone(), fresh_until: now.after(PAUSE) };
        let pending = self.state.pending.lock();
        // Not over a value that came in the meantime, nor after it was forgotten.
        let is_last = |value: CachedValue<V>| value.fresh_until == last.fresh_until;
        if self.state.values.get(&key).is_some_and(is_last) {
            self.state.values.insert(key, kept);
        }
        drop(pending);
        event!(
            self.state.failed.permit(now),
            WARN,
            error = shown(error),
            "lookup failed: its last value stays in use"
        );
    }
}

/// Returns the number of bytes that a key hashes, which is the length of its texts and a few more.
fn hashed_len(key: &(impl Hash + ?Sized)) -> usize {
    let mut length = HashedLen(0);
    key.hash(&mut length);
    length.0
}

/// A hasher that counts the bytes.
struct HashedLen(usize);

impl Hasher for HashedLen {
    fn write(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn finish(&self) -> u64 {
        0
    }
}

impl<K, V> LookupState<K, V>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            values: Cache::new(capacity),
            pending: Pending::default(),
            failed: Throttle::of("L018"),
        })
    }
}

impl<K, V> Clone for Lookup<K, V> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            source: Arc::clone(&self.source),
            settings: self.settings,
            clock: Arc::clone(&self.clock),
        }
    }
}

/// Shows no keys and values, which may be secrets.
impl<K, V> fmt::Debug for Lookup<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("settings", &self.settings).finish_non_exhaustive()
    }
}
