//! Copies of counts, as they were read and as they are to be written.
//!
//! If only some counts of a batch could be written, the others are undone. If another process has changed a count
//! in between, undoing it fails, and its hits are refunded with the next write.

use std::{collections::HashMap, sync::Arc};

use super::{
    error::MemcachedError,
    expiry::exptime,
    protocol::{Commands, Condition, Reply},
    record::CountRecord,
    stored_hit::StoredHit,
};
use crate::{Policy, Timestamp, Window, storage::batch_decision::CounterSet};

/// Copies of the counts of some operations.
#[derive(Default)]
pub(super) struct WorkingSet {
    counts: Vec<CountCopy>,
    places: HashMap<Arc<str>, usize>,
}

/// The copy of one count.
struct CountCopy {
    key: Arc<str>,
    server: usize,
    policy: Policy,
    /// The record on the server and its version, if there is one.
    stored: Option<(CountRecord, u64)>,
    /// The record to write.
    record: CountRecord,
    is_changed: bool,
    /// The hits of this attempt.
    hits: Vec<AppliedHit>,
    /// The refunds of this attempt.
    refunds: Vec<AppliedRefund>,
    /// The version that was written in an attempt that failed for another count.
    written: Option<u64>,
    /// Hits of failed attempts that are still on the server. The next write refunds them.
    overcharged: Vec<AppliedHit>,
    /// Refunds of failed attempts that are already on the server.
    done_refunds: Vec<AppliedRefund>,
    /// Those of `done_refunds` that this attempt has not come across yet.
    refunds_to_skip: Vec<AppliedRefund>,
}

#[derive(Clone, Copy)]
struct AppliedHit {
    cost: u64,
    stamp: u64,
    at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct AppliedRefund {
    cost: u64,
    stamp: u64,
}

impl WorkingSet {
    /// Returns the place of a hit's count; adds the count if it is not here yet.
    pub(super) fn place(&mut self, hit: &StoredHit) -> usize {
        if let Some(place) = self.places.get(&hit.key) {
            return *place;
        }
        self.counts.push(CountCopy::new(hit));
        self.places.insert(Arc::clone(&hit.key), self.counts.len() - 1);
        self.counts.len() - 1
    }

    /// Returns the counts of one operation, by the places of its hits.
    pub(super) fn view<'a>(&'a mut self, places: &'a [usize]) -> OperationView<'a> {
        OperationView { counts: self, places }
    }

    pub(super) fn refund(&mut self, place: usize, cost: u64, stamp: u64, now: Timestamp) {
        self.counts[place].refund(AppliedRefund { cost, stamp }, now);
    }

    /// Returns the commands for each count, in the order of the counts, with its server.
    fn commands(&self, of: impl Fn(&CountCopy, &mut Commands)) -> Vec<(usize, Commands)> {
        let commands = |count: &CountCopy| {
            let mut commands = Commands::default();
            of(count, &mut commands);
            (count.server, commands)
        };
        self.counts.iter().map(commands).collect()
    }

    /// Returns the commands that read all counts, after undoing the writes of a failed attempt.
    pub(super) fn read_commands(&self) -> Vec<(usize, Commands)> {
        self.commands(|count, commands| {
            count.undo(commands);
            commands.get(&count.key);
        })
    }

    /// Returns the commands that undo the writes of a failed attempt.
    pub(super) fn undo_commands(&self) -> Vec<(usize, Commands)> {
        self.commands(CountCopy::undo)
    }

    /// Stores the replies to [`read_commands`](Self::read_commands).
    pub(super) fn read(&mut self, replies: Vec<Vec<Reply>>) -> Result<(), MemcachedError> {
        self.counts.iter_mut().zip(replies).try_for_each(|(count, replies)| count.read(replies))
    }

    /// Returns the commands that write each changed count, provided that it is still as it was read.
    pub(super) fn write_commands(&self) -> Vec<(usize, Commands)> {
        self.commands(CountCopy::write)
    }

    /// Stores the replies to [`write_commands`](Self::write_commands); returns whether all counts were written.
    pub(super) fn finish_write(&mut self, replies: Vec<Vec<Reply>>) -> Result<bool, MemcachedError> {
        let mut is_complete = true;
        let mut outcome = Ok(());
        // An error does not end the loop: all written versions must be known to be undone.
        for (count, mut replies) in self.counts.iter_mut().zip(replies) {
            match replies.pop() {
                None => {}
                Some(Reply::Done(Some(cas))) => count.written = Some(cas),
                Some(Reply::Changed | Reply::Absent) => is_complete = false,
                Some(Reply::Failed(text)) => outcome = Err(MemcachedError::from_server(&text)),
                Some(_) => outcome = Err(MemcachedError::UNEXPECTED),
            }
        }
        outcome.map(|()| is_complete)
    }
}

impl CountCopy {
    fn new(hit: &StoredHit) -> Self {
        Self {
            key: Arc::clone(&hit.key),
            server: hit.server,
            policy: hit.policy().clone(),
            stored: None,
            record: CountRecord::new(hit.policy()),
            is_changed: false,
            hits: Vec::new(),
            refunds: Vec::new(),
            written: None,
            overcharged: Vec::new(),
            done_refunds: Vec::new(),
            refunds_to_skip: Vec::new(),
        }
    }

    fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let (window, is_changed) = self.record.hit(policy, cost, now);
        self.is_changed |= is_changed;
        if is_changed && window.is_allowed() {
            self.hits.push(AppliedHit { cost, stamp: window.stamp, at: now });
        }
        window
    }

    fn refund(&mut self, refund: AppliedRefund, now: Timestamp) {
        if let Some(done) = self.refunds_to_skip.iter().position(|done| *done == refund) {
            self.refunds_to_skip.swap_remove(done);
        } else if self.stored.is_some() {
            // A count that does not exist has nothing to refund.
            let before = self.record.clone();
            self.record.refund(&self.policy, refund.cost, refund.stamp, now);
            self.is_changed |= self.record != before;
            self.refunds.push(refund);
        }
    }

    fn undo(&self, commands: &mut Commands) {
        let Some(cas) = self.written else { return };
        match &self.stored {
            Some((record, _)) => {
                let exptime = exptime(record.expires_in());
                commands.set(&self.key, &record.text(), exptime, Condition::Version(cas));
            }
            None => commands.delete(&self.key, Some(cas)),
        }
    }

    fn write(&self, commands: &mut Commands) {
        if self.is_changed {
            let condition =
                self.stored.as_ref().map_or(Condition::Absent, |(_, cas)| Condition::Version(*cas));
            let exptime = exptime(self.record.expires_in());
            commands.set(&self.key, &self.record.text(), exptime, condition);
        }
    }

    fn read(&mut self, replies: Vec<Reply>) -> Result<(), MemcachedError> {
        let mut replies = replies.into_iter();
        if self.written.take().is_some() {
            self.finish_undo(replies.next())?;
        }
        self.hits.clear();
        self.refunds.clear();
        self.refunds_to_skip.clone_from(&self.done_refunds);
        self.stored = match replies.next() {
            // Another program's text is overwritten.
            Some(Reply::Value(cas, text)) => {
                let record =
                    CountRecord::parse(&self.policy, &text).unwrap_or_else(|| CountRecord::new(&self.policy));
                Some((record, cas))
            }
            Some(Reply::Absent) => None,
            Some(Reply::Failed(text)) => return Err(MemcachedError::from_server(&text)),
            _ => return Err(MemcachedError::UNEXPECTED),
        };
        self.begin_attempt();
        Ok(())
    }

    /// Handles the reply to [`undo`](Self::undo).
    fn finish_undo(&mut self, reply: Option<Reply>) -> Result<(), MemcachedError> {
        match reply {
            Some(Reply::Done(_)) => {}
            // Another process has changed the count since. What was overcharged before was refunded by the write.
            Some(Reply::Changed) => {
                self.overcharged = std::mem::take(&mut self.hits);
                self.done_refunds.append(&mut self.refunds);
            }
            // The count is gone, with all its hits.
            Some(Reply::Absent) => self.overcharged.clear(),
            Some(Reply::Failed(text)) => return Err(MemcachedError::from_server(&text)),
            _ => return Err(MemcachedError::UNEXPECTED),
        }
        Ok(())
    }

    /// Starts from the stored record, less the hits that are to be refunded.
    fn begin_attempt(&mut self) {
        self.is_changed = self.stored.is_some() && !self.overcharged.is_empty();
        let stored = self.stored.as_ref().map(|(record, _)| record.clone());
        self.record = stored.unwrap_or_else(|| CountRecord::new(&self.policy));
        for AppliedHit { cost, stamp, at } in &self.overcharged {
            self.record.refund(&self.policy, *cost, *stamp, *at);
        }
    }
}

/// The counts of a working set that one operation uses.
pub(super) struct OperationView<'a> {
    counts: &'a mut WorkingSet,
    /// The place of each hit's count.
    places: &'a [usize],
}

impl CounterSet for OperationView<'_> {
    type Entry = usize;

    fn entry(&self, place: usize) -> usize {
        self.places[place]
    }

    fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        self.counts.counts[self.places[place]].record.test(policy, cost, now)
    }

    fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        self.counts.counts[self.places[place]].hit(policy, cost, now)
    }
}

#[cfg(test)]
mod tests;
