//! Copies of counts, as they were read and as they are to be written, and what must be undone when not all of
//! them could be.

use std::{collections::HashMap, sync::Arc};

use super::{
    failure::Failure,
    job::Kept,
    lifetime::lifetime,
    value::Value,
    wire::{Commands, Condition, Reply},
};
use crate::{Policy, Timestamp, Window, storage::batch_decision::CounterSet};

/// The counts of some requests.
#[derive(Default)]
pub(super) struct Ledger {
    counts: Vec<Count>,
    places: HashMap<Arc<str>, usize>,
}

/// A count.
struct Count {
    name: Arc<str>,
    server: usize,
    policy: Policy,
    /// As the server has it, and the number of that version; none when it has none.
    read: Option<(Value, u64)>,
    /// As it is to be.
    value: Value,
    is_changed: bool,
    /// What the requests have taken of it, in this attempt.
    taken: Vec<Taken>,
    /// What the requests have given back, in this attempt.
    returned: Vec<Returned>,
    /// The number of the version that was written, while others could not be.
    written: Option<u64>,
    /// What was taken in vain, and could not be undone because somebody else has changed the count since.
    owed: Vec<Taken>,
    /// What was given back in an earlier attempt and stays so, because somebody else has changed the count since.
    settled: Vec<Returned>,
    /// Those of them that have not been asked for in this attempt yet.
    to_skip: Vec<Returned>,
}

#[derive(Clone, Copy)]
struct Taken {
    cost: u64,
    stamp: u64,
    at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Returned {
    cost: u64,
    stamp: u64,
}

impl Ledger {
    /// The place of the count of a hit, which is new unless another hit has the same.
    pub(super) fn place(&mut self, hit: &Kept) -> usize {
        if let Some(place) = self.places.get(&hit.name) {
            return *place;
        }
        self.counts.push(Count {
            name: Arc::clone(&hit.name),
            server: hit.server,
            policy: hit.policy.clone(),
            read: None,
            value: Value::new(&hit.policy),
            is_changed: false,
            taken: Vec::new(),
            returned: Vec::new(),
            written: None,
            owed: Vec::new(),
            settled: Vec::new(),
            to_skip: Vec::new(),
        });
        self.places.insert(Arc::clone(&hit.name), self.counts.len() - 1);
        self.counts.len() - 1
    }

    pub(super) fn seen_from<'a>(&'a mut self, places: &'a [usize]) -> View<'a> {
        View { ledger: self, places }
    }

    pub(super) fn refund(&mut self, place: usize, cost: u64, stamp: u64, now: Timestamp) {
        self.counts[place].refund(Returned { cost, stamp }, now);
    }

    /// What the servers are to be asked, in the order of the counts: a server, and its commands for one count.
    fn each(&self, of: impl Fn(&Count, &mut Commands)) -> Vec<(usize, Commands)> {
        let commands = |count: &Count| {
            let mut commands = Commands::default();
            of(count, &mut commands);
            (count.server, commands)
        };
        self.counts.iter().map(commands).collect()
    }

    /// Asks for all counts; before that, undoes what was written in vain.
    pub(super) fn reading(&self) -> Vec<(usize, Commands)> {
        self.each(|count, commands| {
            count.undo(commands);
            commands.get(&count.name);
        })
    }

    /// Undoes what was written in vain, and asks nothing.
    pub(super) fn undoing(&self) -> Vec<(usize, Commands)> {
        self.each(Count::undo)
    }

    /// Takes in what was read.
    pub(super) fn read(&mut self, replies: Vec<Vec<Reply>>) -> Result<(), Failure> {
        self.counts.iter_mut().zip(replies).try_for_each(|(count, replies)| count.read(replies))
    }

    /// Writes what has changed, each count only if it is still as it was read.
    pub(super) fn writing(&self) -> Vec<(usize, Commands)> {
        self.each(Count::write)
    }

    /// Takes in what was written; tells whether all was.
    pub(super) fn written(&mut self, replies: Vec<Vec<Reply>>) -> Result<bool, Failure> {
        let mut is_all = true;
        let mut failed = Ok(());
        // All of them, whatever one says: what was written must be known.
        for (count, mut replies) in self.counts.iter_mut().zip(replies) {
            match replies.pop() {
                None => {}
                Some(Reply::Done(Some(cas))) => count.written = Some(cas),
                Some(Reply::Changed | Reply::Absent) => is_all = false,
                Some(Reply::Failed(said)) => failed = Err(Failure::of_server(&said)),
                Some(_) => failed = Err(Failure::UNEXPECTED),
            }
        }
        failed.map(|()| is_all)
    }
}

impl Count {
    fn refund(&mut self, returned: Returned, now: Timestamp) {
        if let Some(settled) = self.to_skip.iter().position(|settled| *settled == returned) {
            self.to_skip.swap_remove(settled);
        } else if self.read.is_some() {
            // Where nothing is, nothing comes back.
            let before = self.value.clone();
            self.value.refund(&self.policy, returned.cost, returned.stamp, now);
            self.is_changed |= self.value != before;
            self.returned.push(returned);
        }
    }

    fn undo(&self, commands: &mut Commands) {
        let Some(cas) = self.written else { return };
        match &self.read {
            Some((value, _)) => {
                let lifetime = lifetime(value.left());
                commands.set(&self.name, &value.text(), lifetime, Condition::IsStill(cas));
            }
            None => commands.delete(&self.name, Some(cas)),
        }
    }

    fn write(&self, commands: &mut Commands) {
        if self.is_changed {
            let condition =
                self.read.as_ref().map_or(Condition::IsAbsent, |(_, cas)| Condition::IsStill(*cas));
            let lifetime = lifetime(self.value.left());
            commands.set(&self.name, &self.value.text(), lifetime, condition);
        }
    }

    fn read(&mut self, replies: Vec<Reply>) -> Result<(), Failure> {
        let mut replies = replies.into_iter();
        if self.written.take().is_some() {
            match replies.next() {
                Some(Reply::Done(_)) => {}
                // Somebody builds on it. What was owed was settled when it was written.
                Some(Reply::Changed) => {
                    self.owed = std::mem::take(&mut self.taken);
                    self.settled.append(&mut self.returned);
                }
                // It is gone, and all that was taken of it.
                Some(Reply::Absent) => self.owed.clear(),
                Some(Reply::Failed(said)) => return Err(Failure::of_server(&said)),
                _ => return Err(Failure::UNEXPECTED),
            }
        }
        self.taken.clear();
        self.returned.clear();
        self.to_skip.clone_from(&self.settled);
        self.read = match replies.next() {
            // What cannot be read is not ours; it is written over.
            Some(Reply::Value(cas, text)) => {
                let value = Value::read(&self.policy, &text).unwrap_or_else(|| Value::new(&self.policy));
                Some((value, cas))
            }
            Some(Reply::Absent) => None,
            Some(Reply::Failed(said)) => return Err(Failure::of_server(&said)),
            _ => return Err(Failure::UNEXPECTED),
        };
        let read = self.read.as_ref().map(|(value, _)| value.clone());
        self.is_changed = read.is_some() && !self.owed.is_empty();
        self.value = read.unwrap_or_else(|| Value::new(&self.policy));
        for Taken { cost, stamp, at } in &self.owed {
            self.value.refund(&self.policy, *cost, *stamp, *at);
        }
        Ok(())
    }
}

/// A ledger as one request sees it.
pub(super) struct View<'a> {
    ledger: &'a mut Ledger,
    /// Of the count of each hit.
    places: &'a [usize],
}

impl CounterSet for View<'_> {
    type Entry = usize;

    fn entry(&self, place: usize) -> usize {
        self.places[place]
    }

    fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        self.ledger.counts[self.places[place]].value.test(policy, cost, now)
    }

    fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let count = &mut self.ledger.counts[self.places[place]];
        let (window, changed) = count.value.hit(policy, cost, now);
        if changed {
            count.is_changed = true;
            if window.is_allowed() {
                count.taken.push(Taken { cost, stamp: window.stamp, at: now });
            }
        }
        window
    }
}

#[cfg(test)]
mod tests;
