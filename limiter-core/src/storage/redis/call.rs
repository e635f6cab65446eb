use redis::Cmd;
use smallvec::{SmallVec, smallvec};

#[cfg(feature = "redis-cluster")]
use super::reply::{self, Reply};
use super::script::{Script, Strategies, Task};
use crate::{
    Policy, Strategy, Timestamp,
    storage::{Batch, GiveBack, Hit},
};

/// A call of a script.
pub(super) struct Call {
    task: Task,
    strategies: Strategies,
    /// Microseconds; none for the time of the server.
    time: Option<u64>,
    /// How many guards and limits there are, for a decision.
    sizes: SmallVec<[usize; 2]>,
    keys: Vec<String>,
    /// The place of each hit's key among the keys.
    places: Vec<usize>,
    hits: SmallVec<[Numbers; 6]>,
}

/// What a script is told of a hit.
#[derive(Clone)]
struct Numbers {
    strategy: Strategy,
    /// Microseconds.
    window: u64,
    capacity: [u64; 2],
    cost: [u64; 2],
    /// For a decision whether it is in shadow and the place of the limit it waits for, counted from 1; to give
    /// back the stamp, and where an end was moved to and from or 0 and 0.
    more: SmallVec<[u64; 3]>,
}

impl Call {
    /// Asks for a decision.
    pub(super) fn decide(
        batch: &Batch<'_>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        let mut call = Self::new(Task::Decide, time.map(micros));
        call.sizes = smallvec![batch.guards.len(), batch.limits.len()];
        for hit in batch.hits() {
            let after = hit.only_after.map_or(0, |limit| limit.saturating_add(1) as u64);
            call.add(key(hit), Numbers::new(hit, smallvec![hit.shadow.into(), after]));
        }
        if call.is_plain(batch) {
            call.task = Task::DecideFixedWindows;
        }
        call
    }

    /// Whether these are fixed windows, each of a count of its own, and nothing more.
    fn is_plain(&self, batch: &Batch<'_>) -> bool {
        let is_plain = |hit: &Hit<'_>| !hit.shadow && hit.policy.strategy() == Strategy::FixedWindow;
        // All hits are limits, and no two have the same key.
        let limits = batch.limits.len();
        limits > 0
            && limits == self.hits.len()
            && limits == self.keys.len()
            && batch.limits.iter().all(is_plain)
    }

    /// Gives back what was taken.
    pub(super) fn give_back<'a>(
        taken: impl IntoIterator<Item = &'a GiveBack<'a>>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        let mut call = Self::new(Task::GiveBack, time.map(micros));
        for GiveBack { hit, stamp } in taken {
            call.add(key(hit), Numbers::new(hit, smallvec![stamp / 1000, 0, 0]));
        }
        call
    }

    /// Gives back what this decision took, and moves ends back to where they were; none when there is nothing
    /// to do.
    #[cfg(feature = "redis-cluster")]
    pub(super) fn undo(&self, reply: &Reply) -> Option<Self> {
        let mut call = Self::new(Task::GiveBack, self.time);
        for ((place, hit), words) in self.places.iter().zip(&self.hits).zip(&reply.words) {
            let (was_taken, is_moved) =
                (reply::was_taken(words) && hit.cost != [0, 0], reply::is_moved(words));
            if was_taken || is_moved {
                let stamp = reply::stamp(hit.strategy, words);
                let (to, from) =
                    if is_moved { (words[1].saturating_add(hit.window), words[3]) } else { (0, 0) };
                let cost = if was_taken { hit.cost } else { [0, 0] };
                let more = smallvec![stamp, to, from];
                call.add(self.keys[*place].clone(), Numbers { cost, more, ..hit.clone() });
            }
        }
        (!call.hits.is_empty()).then_some(call)
    }

    fn new(task: Task, time: Option<u64>) -> Self {
        Self {
            task,
            strategies: Strategies::default(),
            time,
            sizes: SmallVec::new(),
            keys: Vec::new(),
            places: Vec::new(),
            hits: SmallVec::new(),
        }
    }

    fn add(&mut self, key: String, hit: Numbers) {
        let place = self.keys.iter().position(|other| *other == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        });
        self.places.push(place);
        self.strategies.add(hit.strategy);
        self.hits.push(hit);
    }

    /// The place of each hit's key among the keys: equal for hits of one count.
    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    #[cfg(feature = "redis-cluster")]
    pub(super) fn keys(&self) -> &[String] {
        &self.keys
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
        Script::new(self.task, self.strategies)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys);
        if let Task::DecideFixedWindows = self.task {
            command.arg(self.fixed_windows());
            return command;
        }
        match self.time {
            Some(time) => command.arg(time),
            None => command.arg(""),
        };
        command.arg(self.doubles());
        command
    }

    /// The doubles of a call about plain fixed windows, of which few numbers matter. Each hit has a key of its own,
    /// so both are in the same order.
    fn fixed_windows(&self) -> Vec<u8> {
        let mut doubles = Vec::with_capacity(8 * (1 + 3 * self.hits.len()));
        doubles.extend(self.time.map_or(-1.0, double).to_le_bytes());
        for hit in &self.hits {
            for number in [hit.window, hit.capacity[0], hit.cost[0]] {
                doubles.extend(double(number).to_le_bytes());
            }
        }
        doubles
    }

    /// The numbers of the call one after the other as doubles, which the server reads faster than text.
    fn doubles(&self) -> Vec<u8> {
        let mut doubles = Vec::with_capacity(8 * (2 + 10 * self.hits.len()));
        let mut add = |number: u64| doubles.extend(double(number).to_le_bytes());
        self.sizes.iter().for_each(|size| add(*size as u64));
        for (place, hit) in self.places.iter().zip(&self.hits) {
            [*place as u64 + 1, Strategies::number(hit.strategy), hit.window].into_iter().for_each(&mut add);
            hit.capacity.iter().chain(&hit.cost).chain(&hit.more).for_each(|number| add(*number));
        }
        doubles
    }
}

impl Numbers {
    fn new(hit: &Hit<'_>, more: SmallVec<[u64; 3]>) -> Self {
        let policy = hit.policy;
        Self {
            strategy: policy.strategy(),
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
