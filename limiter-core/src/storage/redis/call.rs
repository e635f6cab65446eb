use redis::Cmd;

use super::script::{Script, Strategies, Task};
use crate::{
    Policy, Strategy, Timestamp,
    storage::{Batch, GiveBack, Hit},
};

/// A call of a script.
pub(super) struct Call {
    task: Task,
    strategies: Strategies,
    keys: Vec<String>,
    /// The place of each hit's key among the keys.
    places: Vec<usize>,
    arguments: Vec<Argument>,
}

#[derive(Clone, Copy)]
enum Argument {
    Number(u64),
    Text(&'static str),
}

impl Call {
    /// Asks for a decision.
    pub(super) fn decide(
        batch: &Batch<'_>,
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        let mut call = Self::new(Task::Decide, time);
        call.number(batch.guards.len());
        call.number(batch.limits.len());
        for hit in batch.hits() {
            call.hit(hit, key(hit));
            call.number(hit.shadow.into());
            // Lua counts from 1.
            call.number(hit.only_after.map_or(0, |limit| limit.saturating_add(1)));
        }
        call
    }

    /// Gives back what was taken.
    pub(super) fn give_back(
        taken: &[GiveBack<'_>],
        time: Option<Timestamp>,
        key: impl Fn(&Hit<'_>) -> String,
    ) -> Self {
        let mut call = Self::new(Task::GiveBack, time);
        for GiveBack { hit, stamp } in taken {
            call.hit(hit, key(hit));
            call.arguments.push(Argument::Number(stamp / 1000));
        }
        call
    }

    fn new(task: Task, time: Option<Timestamp>) -> Self {
        let time = time.map_or(Argument::Text(""), |time| Argument::Number(time.as_nanos() / 1000));
        let strategies = Strategies::default();
        Self { task, strategies, keys: Vec::new(), places: Vec::new(), arguments: vec![time] }
    }

    fn hit(&mut self, hit: &Hit<'_>, key: String) {
        let place = self.keys.iter().position(|other| *other == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        });
        self.places.push(place);
        self.number(place + 1);
        let policy = hit.policy;
        self.strategies.add(policy.strategy());
        self.arguments.push(Argument::Text(policy.strategy().code()));
        self.arguments.push(Argument::Number(policy.window() / 1000));
        let pairs = [amount(policy, policy.capacity()), amount(policy, hit.cost)];
        self.arguments.extend(pairs.into_iter().flatten().map(Argument::Number));
    }

    fn number(&mut self, number: usize) {
        self.arguments.push(Argument::Number(number as u64));
    }

    /// The place of each hit's key among the keys: equal for hits of one count.
    pub(super) fn places(&self) -> &[usize] {
        &self.places
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
        for argument in &self.arguments {
            match argument {
                Argument::Number(number) => command.arg(number),
                Argument::Text(text) => command.arg(text),
            };
        }
        command
    }
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
