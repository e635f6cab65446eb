//! Counts on a MongoDB server or replica set.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

mod builder;
mod decide;
mod driver;
mod erase;
mod error;
mod expression;
mod index;
mod layout;
mod pipeline;
mod question;
mod replay;
mod reply;

pub use self::builder::MongoStorageBuilder;
use self::{
    decide::{Counts, Owned},
    driver::Driver,
    layout::Layout,
    pipeline::{Clock, Step},
};
use super::{Answer, Batch, Decision, Hit, Refund, Storage, StorageError, Verdict};
use crate::{Policy, PolicyError, Strategy, Timestamp};

/// Keeps counts on a MongoDB server or replica set, exact over all processes that use it.
///
/// All counts of one client are in one document. A batch of one client, as most are, is one `findAndModify` with a
/// pipeline, decided by the server's clock: the clocks of its users do not matter. A batch over several clients is
/// one for each of them, at once; when only some of them pass, what these have taken is given back.
///
/// It connects when it is first used, on a thread of its own, whose connections all threads share.
/// [`Resilient`](super::Resilient) gives it a deadline and leaves a failing server alone. It needs MongoDB 4.4.
///
/// ```
/// use limiter_core::storage::{MongoStorage, Resilient};
///
/// let storage = Resilient::new(MongoStorage::new("mongodb://127.0.0.1:27017")?);
/// # Ok::<(), limiter_core::storage::StorageError>(())
/// ```
pub struct MongoStorage {
    driver: Driver,
    /// What the `_id` of all documents begins with, the version of their contents included.
    prefix: Box<str>,
    obeys_caller: bool,
    evictions: AtomicU64,
}

/// Stands in the names of all documents and changes whenever what is stored does, so that no pipeline meets a
/// value that another one has written.
const VERSION: u32 = 1;

impl MongoStorage {
    /// The largest amount of a moving window: it remembers each hit, in a document that is written as a whole.
    pub const MAX_MOVING_WINDOW: u64 = 1000;

    /// How many live counts one client can have. When there are more, those that have waited longest for a hit
    /// make way, and count in [`evictions`](Self::evictions).
    pub const MAX_COUNTS_OF_CLIENT: usize = pipeline::MOST_COUNTS;

    /// Creates a storage from a URI, `mongodb://[user:password@]host[:port][,...][/[database][?options]]`, with the
    /// options of the official driver: `replicaSet`, `tls`, `authSource`, `w`, `maxPoolSize` and others.
    ///
    /// # Errors
    ///
    /// When this is not such a URI, and for `mongodb+srv`, which must be looked up. Whether the server can be
    /// reached shows when it is used.
    pub fn new(uri: &str) -> Result<Self, StorageError> {
        Self::builder(uri).build()
    }

    /// Creates a storage from a URI, with options.
    pub fn builder(uri: &str) -> MongoStorageBuilder {
        MongoStorageBuilder::new(uri)
    }

    fn with_driver(driver: Driver, prefix: &str) -> Self {
        let prefix = format!("{prefix}:{VERSION}:").into();
        Self { driver, prefix, obeys_caller: false, evictions: AtomicU64::new(0) }
    }

    /// Makes the storage decide by the time it is given instead of the server's, for tests: counts are then
    /// not exact over machines, since their clocks differ.
    #[must_use]
    pub fn use_caller_clock(mut self) -> Self {
        self.obeys_caller = true;
        self
    }

    /// How many live counts have made way for others of the same client since the storage was created.
    pub fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    fn count_evicted(&self, evicted: u64) {
        if evicted > 0 && self.evictions.fetch_add(evicted, Ordering::Relaxed) == 0 {
            tracing::warn!(
                code = "S005",
                most = Self::MAX_COUNTS_OF_CLIENT,
                "a client has too many counts on MongoDB: those that have waited longest for a hit make way"
            );
        }
    }

    /// Does something with the counts, on the thread of the driver.
    async fn run<T: Send + 'static, F>(
        &self,
        now: Timestamp,
        ask: impl FnOnce(Counts) -> F + Send + 'static,
    ) -> Result<T, StorageError>
    where
        F: Future<Output = Result<T, StorageError>> + Send,
    {
        let clock = if self.obeys_caller { Clock::at(now) } else { Clock::of_server() };
        let prefix = self.prefix.clone();
        self.driver.run(move |collection| ask(Counts { collection, prefix, clock })).await
    }
}

impl Storage for MongoStorage {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        if batch.hits().next().is_none() {
            return Answer::ready(Decision::new(Verdict::Admitted, [], []));
        }
        let [guards, limits, on_refusal] = [batch.guards, batch.limits, batch.on_refusal].map(Owned::all);
        Answer::Pending(Box::pin(async move {
            let decide = async move |counts: Counts| {
                let [guards, limits, on_refusal] =
                    [&guards, &limits, &on_refusal].map(|all| all.iter().map(Owned::hit).collect::<Vec<_>>());
                let batch = Batch { guards: &guards, limits: &limits, on_refusal: &on_refusal };
                counts.decide(&batch).await
            };
            let (decision, evicted) = self.run(now, decide).await?;
            self.count_evicted(evicted);
            Ok(decision)
        }))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        if taken.is_empty() {
            return Answer::ready(());
        }
        let hits: Vec<_> = taken.iter().map(|taken| taken.hit).collect();
        let stamps: Vec<_> = taken.iter().map(|taken| taken.stamp).collect();
        let hits = Owned::all(&hits);
        Answer::Pending(Box::pin(async move {
            let refund = async move |counts: Counts| {
                let hits: Vec<_> = hits.iter().map(Owned::hit).collect();
                let layout = Layout::new(hits.iter());
                let steps =
                    hits.iter().zip(stamps).map(|(hit, stamp)| Step::Refund(Refund { hit: *hit, stamp }));
                let steps: Vec<_> = layout.places.iter().copied().zip(steps).collect();
                counts.settle(&layout, &steps).await
            };
            self.run(now, refund).await
        }))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        let hits = Owned::all(hits);
        Answer::Pending(Box::pin(async move {
            let clear = async move |counts: Counts| {
                let hits: Vec<_> = hits.iter().map(Owned::hit).collect();
                erase::some(&counts, &Layout::new(hits.iter())).await
            };
            self.run(Timestamp::default(), clear).await
        }))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(async move {
            self.run(Timestamp::default(), async |counts: Counts| erase::all(&counts).await).await
        }))
    }

    fn probe(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(async move {
            self.run(Timestamp::default(), async |counts: Counts| counts.probe().await).await
        }))
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        if policy.strategy() == Strategy::MovingWindow && policy.amount() > Self::MAX_MOVING_WINDOW {
            let (quota, most) = (policy.quota(), Self::MAX_MOVING_WINDOW);
            return Err(PolicyError::MovingWindowTooLarge { quota, most });
        }
        Ok(())
    }
}

impl fmt::Debug for MongoStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStorage")
            .field("target", self.driver.target())
            .field("prefix", &self.prefix)
            .field("evictions", &self.evictions())
            .finish_non_exhaustive()
    }
}
