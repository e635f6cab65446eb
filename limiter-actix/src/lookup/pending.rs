//! The lookups under way: at most one for each key.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Weak},
};

use limiter_core::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::{CachedValue, LookupState, error::LookupError};

pub(super) type LookupResult<V> = Result<V, LookupError>;

/// The lookups under way.
pub(super) struct Pending<K, V>(Mutex<Lookups<K, V>>);

pub(super) struct Lookups<K, V> {
    running: HashMap<K, (u64, RunningLookup<V>)>,
    /// The number of the next lookup, which distinguishes it from others of its key.
    next: u64,
    /// The number of lookups whose tasks have not ended, the forgotten ones included.
    under_way: usize,
}

/// A lookup that others wait for.
#[derive(Clone)]
pub(super) struct RunningLookup<V>(watch::Receiver<Option<LookupResult<V>>>);

/// The turn of a lookup. When it is dropped, the lookup is no longer under way.
pub(super) struct LookupTurn<K: Hash + Eq, V> {
    key: K,
    number: u64,
    answer: watch::Sender<Option<LookupResult<V>>>,
    /// Weak, so that a lookup keeps nothing alive that nobody uses.
    state: Weak<LookupState<K, V>>,
}

impl<K, V> Default for Pending<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Lookups { running: HashMap::new(), next: 0, under_way: 0 }))
    }
}

impl<K, V> Pending<K, V> {
    pub(super) fn lock(&self) -> MutexGuard<'_, Lookups<K, V>> {
        self.0.lock()
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Lookups<K, V> {
    /// Returns the number of lookups under way.
    pub(super) fn len(&self) -> usize {
        self.under_way
    }

    pub(super) fn find(&self, key: &K) -> Option<RunningLookup<V>> {
        self.running.get(key).map(|(_, running)| running.clone())
    }

    pub(super) fn begin(
        &mut self,
        key: K,
        state: &Arc<LookupState<K, V>>,
    ) -> (LookupTurn<K, V>, RunningLookup<V>) {
        let number = self.next;
        self.next += 1;
        self.under_way += 1;
        let (answer, running) = watch::channel(None);
        let running = RunningLookup(running);
        self.running.insert(key.clone(), (number, running.clone()));
        (LookupTurn { key, number, answer, state: Arc::downgrade(state) }, running)
    }

    /// Forgets the lookup of a key. It goes on for those who wait for it, and leaves no value.
    pub(super) fn forget<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.running.remove(key);
    }
}

impl<K: Hash + Eq, V> Lookups<K, V> {
    /// Removes a lookup. Returns `false` if it was forgotten.
    fn end(&mut self, key: &K, number: u64) -> bool {
        let is_it = self.running.get(key).is_some_and(|(other, _)| *other == number);
        if is_it {
            self.running.remove(key);
        }
        is_it
    }
}

impl<V: Clone> RunningLookup<V> {
    pub(super) fn done(value: V) -> Self {
        Self(watch::channel(Some(Ok(value))).1)
    }

    pub(super) async fn answer(mut self) -> LookupResult<V> {
        match self.0.wait_for(Option::is_some).await {
            Ok(answer) => (*answer).clone().unwrap_or(Err(LookupError::Dropped)),
            Err(_) => Err(LookupError::Dropped),
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> LookupTurn<K, V> {
    /// Ends the lookup. Its value is fresh until then.
    pub(super) fn end(self, answer: LookupResult<V>, fresh_until: Timestamp) {
        if let Some(state) = self.state.upgrade() {
            let mut pending = state.pending.lock();
            if pending.end(&self.key, self.number)
                && let Ok(value) = &answer
            {
                state.values.insert(self.key.clone(), CachedValue { value: value.clone(), fresh_until });
            }
        }
        let sender = self.answer.clone();
        // Whoever has the answer may begin another lookup at once, so this one is no longer under way.
        drop(self);
        sender.send_replace(Some(answer));
    }
}

impl<K: Hash + Eq, V> Drop for LookupTurn<K, V> {
    fn drop(&mut self) {
        if let Some(state) = self.state.upgrade() {
            let mut pending = state.pending.lock();
            pending.end(&self.key, self.number);
            pending.under_way -= 1;
        }
    }
}
