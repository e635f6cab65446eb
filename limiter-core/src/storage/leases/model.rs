//! A model check of the protocol of leases: all orders in which two processes, a storage and the network between them
//! can act, with crashes, delays and lost messages. The pools and the storage's count are the ones that ship.
//!
//! Sizes of leases are arbitrary here, so that safety does not depend on any estimate.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::pool::{Pool, UnusedUnits};
use crate::{Policy, Quota, Strategy, Timestamp, Window, strategy::State};

const MS: u64 = 1_000_000;

/// The step of time. A window has two of them.
const TICK: u64 = 500 * MS;

/// The duration of a lease. A shorter one would only end it earlier.
const DURATION: u64 = 2 * TICK;

const LIMIT: u64 = 2;

/// The lead of the clocks of the processes over that of the storage.
const SKEWS: [u64; 2] = [0, 1_000_000 * MS];

/// An error in the protocol, to see that the search finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// A lease is counted from the answer, and not from the call.
    CountedFromTheAnswer,
    /// A lease may outlast its window.
    OutlastsTheWindow,
    /// A refund without an answer is sent again.
    RefundsAgain,
    /// Refunded units stay usable.
    KeepsWhatItRefunds,
    /// A lease without an answer is used.
    UsesUnansweredLeases,
}

/// The events that are still allowed to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Budget {
    ticks: u8,
    asks: u8,
    leases: u8,
    crashes: u8,
    losses: u8,
}

#[derive(Clone, Debug)]
struct World {
    time: u64,
    count: State,
    processes: [Process; 2],
    /// On their way. They arrive in any order, or never.
    messages: Vec<Message>,
    /// The units that requests have used, by the stamp of the window.
    admitted: Vec<(u64, u64)>,
    budget: Budget,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Process {
    pool: Pool,
    is_acquiring: bool,
    /// Answers to an earlier life are dropped.
    life: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// A hit of one request (`is_lease` is `false`), or of a lease.
    Hit {
        from: usize,
        life: u8,
        called_at: u64,
        units: u64,
        is_lease: bool,
    },
    Answer {
        to: usize,
        life: u8,
        called_at: u64,
        units: u64,
        is_lease: bool,
        window: Window,
    },
    Refund(UnusedUnits),
}

impl Message {
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Self::Hit { from, life, called_at, units, is_lease } => {
                (0, from, life, called_at, units, is_lease).hash(&mut hasher);
            }
            Self::Answer { to, life, called_at, units, is_lease, window } => {
                (1, to, life, called_at, units, is_lease).hash(&mut hasher);
                (window.is_allowed(), window.remaining, window.reset, window.stamp).hash(&mut hasher);
            }
            Self::Refund(unused) => (2, unused).hash(&mut hasher),
        }
        hasher.finish()
    }
}

/// A step that admits too much.
type Violation = &'static str;

impl World {
    fn new(budget: Budget) -> Self {
        Self {
            time: 1000 * MS,
            count: State::new(&policy()),
            processes: Default::default(),
            messages: Vec::new(),
            admitted: Vec::new(),
            budget,
        }
    }

    /// Returns the worlds after each step that is possible now.
    fn successors(&self, fault: Fault) -> Result<Vec<Self>, Violation> {
        let mut worlds = Vec::new();
        if self.budget.ticks > 0 {
            let mut next = self.clone();
            next.budget.ticks -= 1;
            next.time += TICK;
            worlds.push(next);
        }
        for process in 0..2 {
            self.process_steps(process, fault, &mut worlds)?;
        }
        for message in 0..self.messages.len() {
            self.deliveries(message, fault, &mut worlds)?;
        }
        Ok(worlds)
    }

    fn process_steps(&self, at: usize, fault: Fault, worlds: &mut Vec<Self>) -> Result<(), Violation> {
        let now = self.time + SKEWS[at];
        if self.budget.asks > 0 {
            let mut next = self.clone();
            next.budget.asks -= 1;
            next.send(at, 1, false);
            worlds.push(next);
        }
        if self.budget.leases > 0 && !self.processes[at].is_acquiring {
            for units in 1..=2 {
                let mut next = self.clone();
                next.budget.leases -= 1;
                next.processes[at].is_acquiring = true;
                next.send(at, units, true);
                worlds.push(next);
            }
        }
        let mut next = self.clone();
        if next.processes[at].pool.take(1, now).is_some() {
            next.use_leased(at)?;
            worlds.push(next);
        }
        self.refunds(at, now, fault, worlds);
        if self.budget.crashes > 0 {
            let mut next = self.clone();
            next.budget.crashes -= 1;
            next.processes[at] = Process { life: self.processes[at].life + 1, ..Process::default() };
            worlds.push(next);
        }
        Ok(())
    }

    /// Refunds what has expired, and what has not: a process may do that at any time.
    fn refunds(&self, at: usize, now: u64, fault: Fault, worlds: &mut Vec<Self>) {
        for is_early in [false, true] {
            let mut next = self.clone();
            let pool = &mut next.processes[at].pool;
            let kept = pool.clone();
            let Some(unused) = (if is_early { pool.drain() } else { pool.expire(now) }) else { continue };
            if fault == Fault::KeepsWhatItRefunds && next.budget.losses > 0 {
                next.budget.losses -= 1;
                *pool = kept;
            }
            next.messages.push(Message::Refund(unused));
            worlds.push(next);
        }
    }

    fn deliveries(&self, index: usize, fault: Fault, worlds: &mut Vec<Self>) -> Result<(), Violation> {
        let mut arrived = self.clone();
        let message = arrived.messages.swap_remove(index);
        if self.budget.losses > 0 {
            let mut lost = arrived.clone();
            lost.budget.losses -= 1;
            lost.lose(message, fault);
            worlds.push(lost);
        }
        match message {
            Message::Hit { from, life, called_at, units, is_lease } => {
                let window = arrived.count.hit(&policy(), units, arrived.at_storage());
                if window.is_allowed() && !is_lease {
                    arrived.admit(window.stamp)?;
                }
                let answer = Message::Answer { to: from, life, called_at, units, is_lease, window };
                arrived.messages.push(answer);
            }
            Message::Answer { to, life, .. } if arrived.processes[to].life != life => {}
            Message::Answer { to, called_at, units, is_lease, window, .. } => {
                arrived.answer(to, called_at, units, is_lease, window, fault);
            }
            Message::Refund(unused) => {
                if fault == Fault::RefundsAgain && self.budget.losses > 0 {
                    let mut again = arrived.clone();
                    again.budget.losses -= 1;
                    again.refund(unused);
                    again.messages.push(message);
                    worlds.push(again);
                }
                arrived.refund(unused);
            }
        }
        worlds.push(arrived);
        Ok(())
    }

    fn answer(
        &mut self,
        to: usize,
        called_at: u64,
        units: u64,
        is_lease: bool,
        window: Window,
        fault: Fault,
    ) {
        let now = self.time + SKEWS[to];
        let process = &mut self.processes[to];
        process.is_acquiring &= !is_lease;
        if !window.is_allowed() {
            return;
        }
        if !is_lease {
            process.pool.observe(&window, called_at);
            return;
        }
        let called_at = if fault == Fault::CountedFromTheAnswer { now } else { called_at };
        let mut window = window;
        if fault == Fault::OutlastsTheWindow {
            window.reset += TICK;
        }
        if let Some(useless) = process.pool.add(units, &window, called_at, DURATION) {
            self.messages.push(Message::Refund(useless));
        }
    }

    /// The message is lost. The process that waits for its answer gives up.
    fn lose(&mut self, message: Message, fault: Fault) {
        let (Message::Hit { from: process, life, called_at, units, is_lease }
        | Message::Answer { to: process, life, called_at, units, is_lease, .. }) = message
        else {
            return;
        };
        if self.processes[process].life != life || !is_lease {
            return;
        }
        self.processes[process].is_acquiring = false;
        if fault == Fault::UsesUnansweredLeases {
            let window = self.count.test(&policy(), 0, self.at_storage());
            self.processes[process].pool.add(units, &window, called_at, DURATION);
        }
    }

    fn send(&mut self, from: usize, units: u64, is_lease: bool) {
        let called_at = self.time + SKEWS[from];
        let life = self.processes[from].life;
        self.messages.push(Message::Hit { from, life, called_at, units, is_lease });
    }

    fn refund(&mut self, UnusedUnits { units, stamp }: UnusedUnits) {
        self.count.refund_stamped(&policy(), units, stamp, self.at_storage());
    }

    /// A request uses a leased unit. The window that it was charged to must be live.
    fn use_leased(&mut self, at: usize) -> Result<(), Violation> {
        let stamp = self.processes[at].pool.stamp().unwrap_or(0);
        if stamp <= self.time {
            return Err("a unit was used after its window");
        }
        self.admit(stamp)
    }

    fn admit(&mut self, stamp: u64) -> Result<(), Violation> {
        let known = self.admitted.iter().position(|(window, _)| *window == stamp);
        let index = known.unwrap_or_else(|| {
            self.admitted.push((stamp, 0));
            self.admitted.len() - 1
        });
        let (_, units) = &mut self.admitted[index];
        *units += 1;
        if *units > LIMIT { Err("more was admitted than the limit") } else { Ok(()) }
    }

    fn at_storage(&self) -> Timestamp {
        Timestamp::from_nanos(self.time)
    }

    /// Returns what distinguishes this world from others, whatever the order of its messages.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.time, self.budget, &self.processes, &self.admitted).hash(&mut hasher);
        let count = self.count.test(&policy(), 0, self.at_storage());
        (count.remaining, count.reset, count.stamp).hash(&mut hasher);
        let mut messages: Vec<_> = self.messages.iter().map(Message::fingerprint).collect();
        messages.sort_unstable();
        messages.hash(&mut hasher);
        hasher.finish()
    }
}

fn policy() -> Policy {
    Policy::new(Quota::per_second(LIMIT), Strategy::FixedWindow)
}

/// Visits all worlds that can come about. Returns their number, or the first violation.
fn search(budget: Budget, fault: Fault) -> Result<usize, Violation> {
    let mut seen = HashSet::new();
    let mut open = vec![World::new(budget)];
    while let Some(world) = open.pop() {
        for next in world.successors(fault)? {
            if seen.insert(next.fingerprint()) {
                open.push(next);
            }
        }
    }
    Ok(seen.len())
}

const BUDGETS: [Budget; 3] = [
    Budget { ticks: 3, asks: 1, leases: 2, crashes: 0, losses: 0 },
    Budget { ticks: 2, asks: 1, leases: 2, crashes: 0, losses: 1 },
    Budget { ticks: 2, asks: 1, leases: 1, crashes: 1, losses: 0 },
];

#[test]
fn no_more_than_the_limit_is_admitted_in_any_order_of_steps() {
    for budget in BUDGETS {
        let worlds = search(budget, Fault::None).unwrap_or_else(|violation| panic!("{violation}"));
        assert!(worlds > 10_000, "the search is too small to find anything: {worlds}");
    }
}

#[test]
fn the_search_finds_each_planted_error() {
    // Ticks, requests, leases and lost answers that are enough for it.
    for (fault, [ticks, asks, leases, losses]) in [
        (Fault::CountedFromTheAnswer, [3, 0, 1, 0]),
        (Fault::OutlastsTheWindow, [3, 1, 1, 0]),
        (Fault::RefundsAgain, [0, 2, 1, 1]),
        (Fault::KeepsWhatItRefunds, [0, 1, 1, 1]),
        (Fault::UsesUnansweredLeases, [0, 1, 1, 1]),
    ] {
        let budget = Budget { ticks, asks, leases, crashes: 0, losses };
        assert!(search(budget, fault).is_err(), "{fault:?} was not found");
    }
}
