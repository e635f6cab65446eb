mod shape;

use std::ptr;

use redis::Cmd;
use smallvec::SmallVec;

use super::script::{BatchShape, Script, ScriptTask, Strategies};
use crate::{
    Policy, Strategy, Timestamp,
    storage::{Batch, Hit, Refund},
};

/// The time of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallTime {
    /// The time of the caller.
    pub(super) caller: Timestamp,
    /// Set if the script decides by it, and not by the clock of the server.
    pub(super) decides: bool,
}

impl CallTime {
    /// Returns the time by which the script decides, or `None` for that of the server.
    pub(super) fn for_server(self) -> Option<Timestamp> {
        self.decides.then_some(self.caller)
    }
}

/// A call of a script.
pub(super) struct Call {
    task: ScriptTask,
    strategies: Strategies,
    /// The time in microseconds; `None` for that of the server.
    time: Option<u64>,
    /// For a decision, the numbers of guards and limits.
    sizes: [usize; 2],
    /// The shape of the batch and the script that is specialised for it, if there is one.
    specialised: Option<(BatchShape, &'static Script)>,
    keys: SmallVec<[String; 2]>,
    /// For each hit, the place of the first hit on the same count.
    places: SmallVec<[usize; 6]>,
    hits: SmallVec<[HitArguments; 4]>,
}

/// The arguments of a script for one hit.
#[derive(Clone)]
pub(super) struct HitArguments {
    pub(super) strategy: Strategy,
    /// The place of the key.
    key: usize,
    /// The name of the record, exact in a double.
    name: u64,
    /// Set if windows end by the calendar. The server chooses between two ends, in microseconds. The window and the
    /// second number of the capacity are these.
    is_calendar: bool,
    /// In microseconds.
    pub(super) window: u64,
    capacity: [u64; 2],
    pub(super) cost: [u64; 2],
    /// Three numbers that depend on the task.
    ///
    /// A decision has the place of the first hit on the same count, then 1 for a shadow or 2 for a charge. The third is the place of
    /// the limit that the hit depends on, counted from 1, or 0.
    ///
    /// A refund has the stamp, then the instants to which and from which an end was moved, or 0 and 0.
    pub(super) extra: [u64; 3],
}

impl Call {
    /// Creates a call that decides a batch.
    pub(super) fn decide(batch: &Batch<'_>, time: CallTime, key: impl Fn(&Hit<'_>) -> String) -> Self {
        let mut call = Self::new(ScriptTask::Decide, time.for_server(), batch.hits(), key, |hit| {
            let after = hit.only_after.map_or(0, |limit| limit.saturating_add(1) as u64);
            [0, if hit.policy.is_charging() { CHARGE } else { hit.shadow.into() }, after]
        });
        call.sizes = [batch.guards.len(), batch.limits.len()];
        for (number, hit) in batch.hits().enumerate() {
            let before = call.cost_before(number, batch);
            let (place, arguments) = (call.places[number], &mut call.hits[number]);
            arguments.extra[0] = place as u64;
            if before > 0 {
                arguments.capacity = in_script(hit.policy, room(hit.policy, before.saturating_add(hit.cost)));
            }
            if let Some(ends) = hit.policy.nearest_ends(time.caller) {
                arguments.set_ends(ends);
            }
        }
        call.specialised = call.shape().and_then(|shape| {
            let script = Script::specialised(&shape)?;
            Some((shape, script))
        });
        call
    }

    /// Creates a call that decides a part of a batch, which may have to be [undone](Self::undo).
    #[cfg(feature = "redis-cluster")]
    pub(super) fn decide_part(batch: &Batch<'_>, time: CallTime, key: impl Fn(&Hit<'_>) -> String) -> Self {
        let mut call = Self::decide(batch, time, key);
        // The specialised scripts do not report from where they moved an end.
        call.specialised = call.specialised.filter(|(shape, _)| !shape.is_elastic());
        call
    }

    /// Creates a call that refunds hits.
    pub(super) fn refund<'a>(
        taken: impl IntoIterator<Item = &'a Refund<'a>>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        Self::about_taken(ScriptTask::Refund, taken, time, key)
    }

    /// Creates a call that renews the leases of hits.
    pub(super) fn renew<'a>(
        taken: impl IntoIterator<Item = &'a Refund<'a>>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        Self::about_taken(ScriptTask::Renew, taken, time, key)
    }

    fn about_taken<'a>(
        task: ScriptTask,
        taken: impl IntoIterator<Item = &'a Refund<'a>>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        let taken: SmallVec<[_; 4]> = taken.into_iter().collect();
        let hits = taken.iter().map(|taken| &taken.hit);
        let mut call = Self::new(task, time, hits, key, |_| [0; 3]);
        for (taken, hit) in taken.iter().zip(&mut call.hits) {
            hit.extra[0] = taken.stamp / 1000;
        }
        call
    }

    /// Creates a call that refunds some of the hits of this one, or returns `None` if there are none.
    #[cfg(feature = "redis-cluster")]
    pub(super) fn refund_of(&self, hits: impl IntoIterator<Item = HitArguments>) -> Option<Self> {
        let hits: SmallVec<_> = hits.into_iter().collect();
        let call = Self {
            task: ScriptTask::Refund,
            strategies: self.strategies,
            time: self.time,
            sizes: [0; 2],
            specialised: None,
            keys: self.keys.clone(),
            places: SmallVec::new(),
            hits,
        };
        (!call.hits.is_empty()).then_some(call)
    }

    /// Creates a call that clears counts.
    pub(super) fn clear<'a>(
        hits: impl IntoIterator<Item = &'a Hit<'a>>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        Self::new(ScriptTask::Clear, None, hits, key, |_| [0; 3])
    }

    fn new<'a>(
        task: ScriptTask,
        time: Option<Timestamp>,
        hits: impl IntoIterator<Item = &'a Hit<'a>>,
        key: impl Fn(&Hit<'_>) -> String,
        extra: impl Fn(&Hit<'_>) -> [u64; 3],
    ) -> Self {
        let mut call = Self {
            task,
            strategies: Strategies::default(),
            time: time.map(micros),
            sizes: [0; 2],
            specialised: None,
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
            call.add(HitArguments::new(hit, key, extra(hit)));
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

    fn add(&mut self, hit: HitArguments) {
        let same = |other: &HitArguments| (other.key, other.name) == (hit.key, hit.name);
        self.places.push(self.hits.iter().position(same).unwrap_or(self.hits.len()));
        self.strategies.add(hit.strategy);
        self.hits.push(hit);
    }

    /// Returns what earlier hits on the count of a guard or limit will have taken, without those in shadow.
    fn cost_before(&self, number: usize, batch: &Batch<'_>) -> u64 {
        let [guards, limits] = self.sizes;
        let first = self.places[number];
        if first == number || number >= guards + limits {
            return 0;
        }
        let from = if number < guards { 0 } else { guards };
        let earlier = batch.hits().enumerate().take(number).skip(from);
        let takes = earlier.filter(|(other, hit)| self.places[*other] == first && !hit.shadow);
        takes.fold(0, |sum, (_, hit)| sum.saturating_add(hit.cost))
    }

    /// Returns, for each hit, the place of the first hit on the same count.
    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    #[cfg(feature = "redis-cluster")]
    pub(super) fn hits(&self) -> &[HitArguments] {
        &self.hits
    }

    /// Returns, for each hit, the place of its key.
    #[cfg(feature = "redis-cluster")]
    pub(super) fn places_of_keys(&self) -> impl Iterator<Item = usize> {
        self.hits.iter().map(|hit| hit.key)
    }

    #[cfg(feature = "redis-cluster")]
    pub(super) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Returns the shape of the batch, if a script is specialised for it.
    pub(super) fn specialised_shape(&self) -> Option<&BatchShape> {
        self.specialised.as_ref().map(|(shape, _)| shape)
    }

    /// Returns the number of hits that the script reports.
    pub(super) fn reports(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// Returns the command that calls the script by its hash, once the server has loaded it.
    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script().hash)
    }

    /// Returns the command that loads the script and calls it.
    pub(super) fn by_code(&self) -> Cmd {
        self.command("EVAL", &self.script().code)
    }

    fn script(&self) -> &'static Script {
        match &self.specialised {
            Some((_, script)) => script,
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

    /// Encodes the hits for the script, as doubles, which the server reads faster than text.
    fn arguments(&self) -> SmallVec<[u8; 256]> {
        let mut arguments = SmallVec::new();
        let mut add = |numbers: &[u64]| {
            for number in numbers {
                arguments.extend_from_slice(&double(*number).to_le_bytes());
            }
        };
        if self.specialised.is_none() {
            add(&self.sizes.map(|size| size as u64));
        }
        for hit in &self.hits {
            match (&self.specialised, hit.strategy) {
                (Some(_), Strategy::TokenBucket) => {
                    add(&[hit.name]);
                    add(&hit.capacity);
                    add(&hit.cost);
                }
                (Some(_), _) if hit.is_calendar => {
                    add(&[hit.name, hit.window, hit.capacity[1], hit.capacity[0], hit.cost[0]]);
                }
                (Some(_), _) => add(&[hit.name, hit.window, hit.capacity[0], hit.cost[0]]),
                (None, strategy) => {
                    add(&[hit.name, hit.window]);
                    add(&hit.capacity);
                    add(&hit.cost);
                    add(&[hit.key as u64 + 1, Strategies::number(strategy).into()]);
                    add(&hit.extra);
                }
            }
        }
        arguments
    }
}

/// Returns whether two hits share a key, which is that of a client and a scope.
fn share_key(one: &Hit<'_>, other: &Hit<'_>) -> bool {
    let is_alone = |hit: &Hit<'_>| hit.policy.strategy() == Strategy::MovingWindow;
    !is_alone(one)
        && !is_alone(other)
        && one.scope.is_same(other.scope)
        && (ptr::eq(one.key, other.key) || one.key == other.key)
}

impl HitArguments {
    fn new(hit: &Hit<'_>, key: usize, extra: [u64; 3]) -> Self {
        let policy = hit.policy;
        Self {
            strategy: policy.strategy(),
            is_calendar: false,
            key,
            name: u64::from_le_bytes(policy.record_name()) >> 11,
            window: policy.window() / 1000,
            capacity: in_script(policy, room(policy, hit.cost)),
            cost: amount(policy, hit.cost),
            extra,
        }
    }

    /// Makes windows end at one of two instants in nanoseconds.
    #[cold]
    fn set_ends(&mut self, [first, second]: [u64; 2]) {
        self.is_calendar = true;
        (self.window, self.capacity[1]) = (first / 1000, second / 1000);
    }
}

/// Converts a number to a double. Instants in microseconds are exact until 2255.
#[allow(clippy::cast_precision_loss, reason = "the scripts count in doubles")]
fn double(number: u64) -> f64 {
    number as f64
}

fn micros(time: Timestamp) -> u64 {
    time.as_nanos() / 1000
}

/// The flag of a hit that takes its cost whether it passes or not.
pub(super) const CHARGE: u64 = 2;

/// Returns the amount within which the script lets a cost pass: that of a hit with those of earlier hits on the count.
fn room(policy: &Policy, cost: u64) -> u64 {
    if policy.is_charging() {
        return match policy.strategy() {
            _ if policy.capacity() == 0 => 0,
            Strategy::MovingWindow | Strategy::TokenBucket => policy.max_charge(),
            _ => policy.max_used(),
        };
    }
    // What need not be left for the cost: of a metered limit, all but one unit.
    policy.capacity().saturating_add(cost - policy.needed(cost))
}

/// Converts an amount to the two numbers by which the scripts count. One that never passes becomes a smaller one that
/// does not pass either, so that numbers stay exact in the scripts.
fn amount(policy: &Policy, units: u64) -> [u64; 2] {
    in_script(policy, units.min(policy.max_counted()))
}

/// Converts units to the two numbers by which the scripts count: units and 0, or of a token bucket the time in which
/// the units refill, as microseconds and nanoseconds.
fn in_script(policy: &Policy, units: u64) -> [u64; 2] {
    if policy.strategy() != Strategy::TokenBucket {
        return [units, 0];
    }
    // A bucket fills within 100 years, which are 2^62 nanoseconds. So does one that is a unit larger, unless its
    // interval alone is that long and its capacity 1. Metered limits and charges take at most twice as long.
    let nanos = units.saturating_mul(policy.interval());
    [nanos / 1000, nanos % 1000]
}
