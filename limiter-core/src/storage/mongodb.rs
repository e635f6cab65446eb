//! The storage on a MongoDB server or replica set.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

mod builder;
mod client;
mod command;
mod counts;
mod decide;
mod delete;
mod error;
mod expression;
#[cfg(feature = "fuzz")]
pub(super) mod fuzz;
mod index;
mod layout;
mod notes;
mod pipeline;
mod renew;
mod replay;
mod reply;

pub use self::builder::MongoStorageBuilder;
use self::{
    client::MongoClient,
    counts::CountCollection,
    decide::{decide, run_steps},
    layout::BatchLayout,
    notes::StoredList,
    pipeline::{ClockSource, Step},
};
use super::{
    Answer, Batch, Decision, Hit, Note, NoteList, Refund, Renewal, Storage, StorageError, Verdict,
    count_name, owned_hit::OwnedHit,
};
use crate::{
    Key, Policy, PolicyError, Scope, Timestamp,
    log::{event, unthrottled},
};

/// A storage on a MongoDB server or replica set, exact over all processes that use it.
///
/// All counts of a client are in one document. Most batches are of one client and take one `findAndModify` with a
/// pipeline. Decisions use the server's clock, so the clocks of the processes do not matter. A batch over several
/// clients takes one command for each, all at once. If only some of them pass, their hits are undone.
///
/// The storage connects on first use, on a thread of its own; all threads share its connections. It has no deadline of
/// its own: wrap it in [`Resilient`](super::Resilient), which also skips a failing server. It requires MongoDB 4.4.
///
/// ```
/// use limiter_core::storage::{MongoStorage, Resilient};
///
/// let storage = Resilient::new(MongoStorage::new("mongodb://127.0.0.1:27017")?);
/// # Ok::<(), limiter_core::storage::StorageError>(())
/// ```
pub struct MongoStorage {
    client: MongoClient,
    /// The prefix of all document ids, with the version of the schema.
    prefix: Box<str>,
    /// The prefix without the version.
    bare_prefix: Box<str>,
    uses_caller_clock: bool,
    evictions: AtomicU64,
}

/// The version of the schema, a part of all document ids. It changes with the schema, so that no pipeline reads a
/// document that another version has written.
const VERSION: u32 = 1;

impl MongoStorage {
    /// The largest amount of a moving window. It stores each hit, and each decision writes all of them.
    pub const MAX_MOVING_WINDOW: u64 = 1000;

    /// The maximum number of live counts of a client. If there are more, unspent ones are evicted first, and among equals
    /// those that were hit least recently, which [`evictions`](Self::evictions) counts.
    pub const MAX_COUNTS_OF_CLIENT: usize = pipeline::MAX_COUNTS;

    fn with_client(client: MongoClient, prefix: &str) -> Self {
        let bare_prefix = prefix.into();
        let prefix = format!("{prefix}:{VERSION}:").into();
        Self { client, prefix, bare_prefix, uses_caller_clock: false, evictions: AtomicU64::new(0) }
    }

    /// Decides by the caller's clock instead of the server's. This is for tests: with several machines counts are then
    /// not exact, since their clocks differ.
    #[must_use]
    pub fn use_caller_clock(mut self) -> Self {
        self.uses_caller_clock = true;
        self
    }

    /// Returns the number of live counts that were evicted for others of the same client since the storage was created.
    pub fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    fn count_evicted(&self, evicted: u64) {
        if evicted > 0 && self.evictions.fetch_add(evicted, Ordering::Relaxed) == 0 {
            event!(
                unthrottled(Some("S005")),
                WARN,
                max = Self::MAX_COUNTS_OF_CLIENT,
                "too many counts of one client on MongoDB: evicting unspent ones and those that were hit least recently"
            );
        }
    }

    /// Runs an operation on the driver's thread.
    async fn run<T: Send + 'static, F>(
        &self,
        now: Timestamp,
        operation: impl FnOnce(CountCollection) -> F + Send + 'static,
    ) -> Result<T, StorageError>
    where
        F: Future<Output = Result<T, StorageError>> + Send,
    {
        let clock = ClockSource { caller: now, is_callers: self.uses_caller_clock };
        let prefix = self.prefix.clone();
        self.client.run(move |collection| operation(CountCollection { collection, prefix, clock })).await
    }
}

impl MongoStorage {
    /// Runs an operation on a list of notes, on the driver's thread.
    async fn run_on_list<T: Send + 'static, F>(
        &self,
        list: &str,
        now: Timestamp,
        operation: impl FnOnce(StoredList) -> F + Send + 'static,
    ) -> Result<T, StorageError>
    where
        F: Future<Output = Result<T, StorageError>> + Send,
    {
        let id = notes::id(&self.bare_prefix, list);
        self.run(now, move |counts: CountCollection| {
            operation(StoredList { collection: counts.collection, id, clock: counts.clock })
        })
        .await
    }
}

fn owned(hits: &[Hit<'_>]) -> Vec<OwnedHit> {
    hits.iter().map(OwnedHit::from).collect()
}

fn borrowed(hits: &[OwnedHit]) -> Vec<Hit<'_>> {
    hits.iter().map(OwnedHit::as_hit).collect()
}

impl Storage for MongoStorage {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        if batch.hits().next().is_none() {
            return Answer::ready(Decision::new(Verdict::Admitted, [], []));
        }
        let [guards, limits, on_refusal] = [batch.guards, batch.limits, batch.on_refusal].map(owned);
        Answer::Pending(Box::pin(async move {
            let operation = async move |counts: CountCollection| {
                let [guards, limits, on_refusal] = [&guards, &limits, &on_refusal].map(|hits| borrowed(hits));
                let batch = Batch { guards: &guards, limits: &limits, on_refusal: &on_refusal };
                decide(&counts, &batch).await
            };
            let (decision, evicted) = self.run(now, operation).await?;
            self.count_evicted(evicted);
            Ok(decision)
        }))
    }

    fn refund<'a>(&'a self, refunds: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        if refunds.is_empty() {
            return Answer::ready(());
        }
        let stamps: Vec<_> = refunds.iter().map(|refund| refund.stamp).collect();
        let hits: Vec<_> = refunds.iter().map(|refund| OwnedHit::from(&refund.hit)).collect();
        Answer::Pending(Box::pin(async move {
            let operation = async move |counts: CountCollection| {
                let hits = borrowed(&hits);
                let layout = BatchLayout::new(hits.iter());
                let steps =
                    hits.iter().zip(stamps).map(|(hit, stamp)| Step::Refund(Refund { hit: *hit, stamp }));
                let steps: Vec<_> = layout.places.iter().copied().zip(steps).collect();
                run_steps(&counts, &layout, &steps).await
            };
            self.run(now, operation).await
        }))
    }

    fn has_leases(&self) -> bool {
        true
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        if taken.is_empty() {
            return Answer::ready(Vec::new());
        }
        let stamps: Vec<_> = taken.iter().map(|taken| taken.stamp).collect();
        let hits: Vec<_> = taken.iter().map(|taken| OwnedHit::from(&taken.hit)).collect();
        Answer::Pending(Box::pin(async move {
            let operation = async move |counts: CountCollection| {
                let hits = borrowed(&hits);
                let taken = hits.iter().zip(stamps).map(|(hit, stamp)| Refund { hit: *hit, stamp });
                renew::renew(&counts, &taken.collect::<Vec<_>>()).await
            };
            self.run(now, operation).await
        }))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        let hits = owned(hits);
        Answer::Pending(Box::pin(async move {
            let operation = async move |counts: CountCollection| {
                let hits = borrowed(&hits);
                delete::some(&counts, &BatchLayout::new(hits.iter())).await
            };
            self.run(Timestamp::default(), operation).await
        }))
    }

    fn clear_client<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, bool> {
        let Some((client, scopes)) = count_name::of_client_inside(client, within) else {
            return Answer::ready(false);
        };
        Answer::Pending(Box::pin(async move {
            let operation =
                async move |counts: CountCollection| delete::of_client(&counts, &client, &scopes).await;
            self.run(Timestamp::default(), operation).await.map(|()| true)
        }))
    }

    fn client_scopes<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, Option<Vec<String>>> {
        let Some((client, scopes)) = count_name::of_client_inside(client, within) else {
            return Answer::ready(None);
        };
        Answer::Pending(Box::pin(async move {
            let operation = async move |counts: CountCollection| counts.scopes_of(&client, &scopes).await;
            self.run(Timestamp::default(), operation).await.map(Some)
        }))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(async move {
            self.run(Timestamp::default(), async |counts: CountCollection| delete::all(&counts).await).await
        }))
    }

    fn probe(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(async move {
            self.run(Timestamp::default(), async |counts: CountCollection| counts.probe().await).await
        }))
    }

    fn has_notes(&self) -> bool {
        true
    }

    fn notes<'a>(
        &'a self,
        list: &'a str,
        known: Option<u64>,
        now: Timestamp,
    ) -> Answer<'a, Option<NoteList>> {
        Answer::Pending(Box::pin(async move {
            self.run_on_list(list, now, async move |list: StoredList| list.read(known).await).await
        }))
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        let note = note.clone();
        Answer::Pending(Box::pin(async move {
            self.run_on_list(list, now, async move |list: StoredList| list.put(&note, max).await).await
        }))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        let name = name.to_owned();
        Answer::Pending(Box::pin(async move {
            self.run_on_list(list, now, async move |list: StoredList| list.remove(&name).await).await
        }))
    }

    fn servers(&self) -> Option<String> {
        Some(self.client.config().servers())
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        policy.check_log(Self::MAX_MOVING_WINDOW)
    }
}

impl fmt::Debug for MongoStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStorage")
            .field("target", self.client.config())
            .field("prefix", &self.prefix)
            .field("evictions", &self.evictions())
            .finish_non_exhaustive()
    }
}
