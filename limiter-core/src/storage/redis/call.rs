use std::ptr;

use redis::Cmd;
use smallvec::SmallVec;

#[cfg(feature = "redis-cluster")]
use super::reply::{self, Reply};
use super::script::{Script, Shape, Strategies, Task};
use crate::{
    Policy, Strategy, Timestamp,
    storage::{Batch, Hit, Refund},
};

/// A call of a script.
pub(super) struct Call {
    task: Task,
    strategies: Strategies,
    /// Microseconds; none for the time of the server.
    time: Option<u64>,
    /// How many guards and limits there are, for a decision.
    sizes: [usize; 2],
    /// What the limits are, when there is nothing else about them.
    shape: Option<Shape>,
    keys: SmallVec<[String; 2]>,
    /// The place of the first hit of each hit's count.
    places: SmallVec<[usize; 6]>,
    hits: SmallVec<[Numbers; 4]>,
}

/// What a script is told of a hit.
#[derive(Clone)]
struct Numbers {
    strategy: Strategy,
    /// The place of its key.
    key: usize,
    /// Of its record.
    name: [u8; 8],
    /// Microseconds.
    window: u64,
    capacity: [u64; 2],
    cost: [u64; 2],
    /// For a decision the place of the first hit of its count, whether it is in shadow, and the place of the limit
    /// it waits for, counted from 1; to give back the stamp, and where an end was moved to and from or 0 and 0.
    more: [u64; 3],
}

impl Call {
    /// Asks for a decision.
    pub(super) fn decide(
        batch: &Batch<'_>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        let mut call = Self::of(Task::Decide, time, batch.hits(), key, |hit| {
            let after = hit.only_after.map_or(0, |limit| limit.saturating_add(1) as u64);
            [0, hit.shadow.into(), after]
        });
        call.sizes = [batch.guards.len(), batch.limits.len()];
        for (place, hit) in call.places.iter().zip(&mut call.hits) {
            hit.more[0] = *place as u64;
        }
        call.shape = call.shape(batch);
        call
    }

    /// Asks for a decision that may have to be [undone](Self::undo).
    #[cfg(feature = "redis-cluster")]
    pub(super) fn decide_in_part(
        batch: &Batch<'_>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        let mut call = Self::decide(batch, time, key);
        // The straight scripts do not tell from where they moved an end.
        call.shape = call.shape.filter(|shape| !shape.is_elastic());
        call
    }

    /// None unless these are limits, each of a count of its own, and nothing more.
    fn shape(&self, batch: &Batch<'_>) -> Option<Shape> {
        let is_plain = self.hits.len() == batch.limits.len()
            && batch.limits.iter().all(|hit| !hit.shadow)
            && self.places.iter().enumerate().all(|(hit, place)| hit == *place);
        is_plain.then(|| Shape::of(self.hits.iter().map(|hit| (hit.strategy, hit.key))))?
    }

    /// Gives back what was taken.
    pub(super) fn refund<'a>(
        taken: impl IntoIterator<Item = &'a Refund<'a>>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        let taken: SmallVec<[_; 4]> = taken.into_iter().collect();
        let mut call = Self::of(Task::Refund, time, taken.iter().map(|taken| &taken.hit), key, |_| [0; 3]);
        for (taken, hit) in taken.iter().zip(&mut call.hits) {
            hit.more[0] = taken.stamp / 1000;
        }
        call
    }

    /// Forgets counts.
    pub(super) fn clear<'a>(
        hits: impl IntoIterator<Item = &'a Hit<'a>>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        Self::of(Task::Clear, None, hits, key, |_| [0; 3])
    }

    /// Gives back what this decision took, and moves ends back to where they were; none when there is nothing
    /// to do.
    #[cfg(feature = "redis-cluster")]
    pub(super) fn undo(&self, reply: &Reply) -> Option<Self> {
        let undone = self.hits.iter().zip(&reply.words).filter_map(|(hit, words)| {
            let (was_taken, is_moved) =
                (reply::was_taken(words) && hit.cost != [0, 0], reply::is_moved(words));
            let (to, from) = if is_moved { (words[1].saturating_add(hit.window), words[2]) } else { (0, 0) };
            let cost = if was_taken { hit.cost } else { [0, 0] };
            let more = [reply::stamp(hit.strategy, hit.window, words), to, from];
            (was_taken || is_moved).then(|| Numbers { cost, more, ..hit.clone() })
        });
        let hits: SmallVec<_> = undone.collect();
        let undo = Self {
            task: Task::Refund,
            strategies: self.strategies,
            time: self.time,
            sizes: [0; 2],
            shape: None,
            keys: self.keys.clone(),
            places: SmallVec::new(),
            hits,
        };
        (!undo.hits.is_empty()).then_some(undo)
    }

    fn of<'a>(
        task: Task,
        time: Option<Timestamp>,
        hits: impl IntoIterator<Item = &'a Hit<'a>>,
        key: impl Fn(&Hit<'_>) -> String,
        more: impl Fn(&Hit<'_>) -> [u64; 3],
    ) -> Self {
        let mut call = Self {
            task,
            strategies: Strategies::default(),
            time: time.map(micros),
            sizes: [0; 2],
            shape: None,
            keys: SmallVec::new(),
            places: SmallVec::new(),
            hits: SmallVec::new(),
        };
        let mut added: SmallVec<[&Hit<'_>; 6]> = SmallVec::new();
        for hit in hits {
            let earlier = added.iter().position(|earlier| share_key(earlier, hit));
            let key = match earlier {
                Some(earlier) => call.hits[earlier].key,
                None => call.place_of(key(hit)),
            };
            call.add(Numbers::new(hit, key, more(hit)));
            added.push(hit);
        }
        call
    }

    fn place_of(&mut self, key: String) -> usize {
        self.keys.iter().position(|other| *other == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        })
    }

    fn add(&mut self, hit: Numbers) {
        let same = |other: &Numbers| (other.key, other.name) == (hit.key, hit.name);
        self.places.push(self.hits.iter().position(same).unwrap_or(self.hits.len()));
        self.strategies.add(hit.strategy);
        self.hits.push(hit);
    }

    /// The place of the first hit of each hit's count: equal for hits of one count.
    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    /// The place of the key of each hit.
    #[cfg(feature = "redis-cluster")]
    pub(super) fn places_of_keys(&self) -> impl Iterator<Item = usize> {
        self.hits.iter().map(|hit| hit.key)
    }

    #[cfg(feature = "redis-cluster")]
    pub(super) fn keys(&self) -> &[String] {
        &self.keys
    }

    pub(super) fn shape_of_limits(&self) -> Option<&Shape> {
        self.shape.as_ref()
    }

    /// How many hits are reported.
    pub(super) fn reports(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// The command that calls the script, which the server has seen before.
    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script().hash)
    }

    /// The command that shows the script to the server and calls it.
    pub(super) fn by_code(&self) -> Cmd {
        self.command("EVAL", &self.script().code)
    }

    fn script(&self) -> &'static Script {
        match &self.shape {
            Some(shape) => Script::straight(shape),
            None => Script::new(self.task, self.strategies),
        }
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let hits = self.arguments();
        let sizes = [name.len(), script.len(), hits.len()].iter().sum::<usize>()
            + self.keys.iter().map(String::len).sum::<usize>();
        // With some room for numbers.
        let mut command = Cmd::with_capacity(self.keys.len() + 5, sizes + 48);
        command.arg(name).arg(script).arg(self.keys.len());
        command.arg(&*self.keys).arg(&*hits).arg(self.time);
        command
    }

    /// What the script is told of the hits, as doubles, which the server reads faster than text.
    fn arguments(&self) -> SmallVec<[u8; 256]> {
        let mut arguments = SmallVec::new();
        let mut add = |number: u64| arguments.extend_from_slice(&double(number).to_le_bytes());
        if self.shape.is_none() {
            self.sizes.iter().for_each(|size| add(*size as u64));
        }
        for hit in &self.hits {
            arguments.extend_from_slice(&hit.name);
            let mut add = |number: u64| arguments.extend_from_slice(&double(number).to_le_bytes());
            add(hit.window);
            hit.capacity.iter().chain(&hit.cost).for_each(|number| add(*number));
            if self.shape.is_none() {
                add(hit.key as u64 + 1);
                add(Strategies::number(hit.strategy).into());
                hit.more.iter().for_each(|number| add(*number));
            }
        }
        arguments
    }
}

/// Whether two hits have one key: that of a client and a scope.
fn share_key(one: &Hit<'_>, other: &Hit<'_>) -> bool {
    let is_alone = |hit: &Hit<'_>| hit.policy.strategy() == Strategy::MovingWindow;
    !is_alone(one)
        && !is_alone(other)
        && one.scope.is_same(other.scope)
        && (ptr::eq(one.key, other.key) || one.key == other.key)
}

impl Numbers {
    fn new(hit: &Hit<'_>, key: usize, more: [u64; 3]) -> Self {
        let policy = hit.policy;
        Self {
            strategy: policy.strategy(),
            key,
            name: policy.record_name(),
            window: policy.window() / 1000,
            capacity: amount(policy, policy.capacity()),
            cost: amount(policy, hit.cost),
            more,
        }
    }
}

/// Instants in microseconds are exact until 2255.
#[allow(clippy::cast_precision_loss, reason = "the scripts count in doubles")]
fn double(number: u64) -> f64 {
    number as f64
}

fn micros(time: Timestamp) -> u64 {
    time.as_nanos() / 1000
}

/// An amount as the scripts count it: units and 0, or the time that fills it into a bucket, as microseconds and
/// nanoseconds. Whatever is above the capacity counts as one above it: numbers stay exact in the scripts.
fn amount(policy: &Policy, units: u64) -> [u64; 2] {
    let units = units.min(policy.capacity().saturating_add(1));
    if policy.strategy() != Strategy::TokenBucket {
        return [units, 0];
    }
    // A bucket fills within 100 years, which are 2^62 nanoseconds; so does one that is a unit larger, or its
    // interval alone is that long and the capacity 1.
    let nanos = units.saturating_mul(policy.interval());
    [nanos / 1000, nanos % 1000]
}
