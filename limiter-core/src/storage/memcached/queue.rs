//! Who may go at once, and who waits for somebody else with the same counts.
//!
//! Requests of one process for the same count would only get in each other's way: each reads it, and one of them
//! can write. So those that come while it is under way wait, and then go together.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use super::job::{Job, Kept, Outcome};

/// A job, and who waits for it.
pub(super) type Waiting = (Job, Outcome);

/// How many jobs may wait.
const MOST_WAITING: usize = 4096;

/// How many jobs go together.
const MOST_TOGETHER: usize = 256;

/// The jobs that wait, and which counts are taken.
#[derive(Default)]
pub(super) struct Queue {
    counts: HashMap<Arc<str>, Claims>,
    waiting: VecDeque<Waiting>,
    /// Whether some could not go for no other reason than that a group was full.
    was_cut: bool,
}

/// Who wants a count.
#[derive(Default)]
struct Claims {
    is_under_way: bool,
    /// How many hits of waiting jobs.
    waiting: usize,
}

/// Where a job stands that has just come.
pub(super) enum Place {
    /// It goes now.
    First(Waiting),
    /// It waits.
    Later,
    /// There is no room to wait.
    None,
}

impl Queue {
    /// A job goes at once when nobody else wants one of its counts, not even later: nobody is overtaken.
    pub(super) fn arrive(&mut self, job: Waiting) -> Place {
        if names(&job).all(|name| !self.counts.contains_key(name)) {
            self.start(&job);
            return Place::First(job);
        }
        if self.waiting.len() >= MOST_WAITING {
            return Place::None;
        }
        for name in names(&job) {
            self.counts.entry(Arc::clone(name)).or_default().waiting += 1;
        }
        self.waiting.push_back(job);
        Place::Later
    }

    /// Jobs with these counts have ended; returns those that go now, together.
    pub(super) fn leave<'a>(&mut self, counts: impl Iterator<Item = &'a Arc<str>>) -> Vec<Waiting> {
        let mut is_awaited = false;
        for name in counts {
            if let Some(claims) = self.counts.get_mut(name) {
                claims.is_under_way = false;
                is_awaited |= claims.waiting > 0;
                self.forget_unclaimed(name);
            }
        }
        // Mostly nobody waits, and nobody need be looked at.
        if is_awaited || self.was_cut { self.next() } else { Vec::new() }
    }

    fn next(&mut self) -> Vec<Waiting> {
        let (mut next, mut taken) = (Vec::new(), HashSet::new());
        self.was_cut = false;
        for job in std::mem::take(&mut self.waiting) {
            let is_given_up = job.1.is_closed();
            let is_free = |name: &Arc<str>| {
                !taken.contains(name) && self.counts.get(name).is_none_or(|claims| !claims.is_under_way)
            };
            if is_given_up || (next.len() < MOST_TOGETHER && names(&job).all(is_free)) {
                self.stop_waiting(&job);
                if !is_given_up {
                    next.push(job);
                }
            } else {
                self.was_cut |= next.len() >= MOST_TOGETHER;
                taken.extend(names(&job).cloned());
                self.waiting.push_back(job);
            }
        }
        for job in &next {
            self.start(job);
        }
        next
    }

    fn start(&mut self, job: &Waiting) {
        for name in names(job) {
            self.counts.entry(Arc::clone(name)).or_default().is_under_way = true;
        }
    }

    fn stop_waiting(&mut self, job: &Waiting) {
        for name in names(job) {
            if let Some(claims) = self.counts.get_mut(name) {
                claims.waiting -= 1;
            }
            self.forget_unclaimed(name);
        }
    }

    fn forget_unclaimed(&mut self, name: &Arc<str>) {
        let is_unclaimed = |claims: &Claims| !claims.is_under_way && claims.waiting == 0;
        if self.counts.get(name).is_some_and(is_unclaimed) {
            self.counts.remove(name);
        }
    }
}

fn names((job, _): &Waiting) -> impl Iterator<Item = &Arc<str>> {
    job.hits().iter().map(|hit: &Kept| &hit.name)
}

#[cfg(test)]
mod tests;
