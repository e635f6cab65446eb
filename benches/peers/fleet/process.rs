//! One process of a fleet.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use limiter_core::{
    Clock, Key, Leases, Policy, Quota, Scope, Strategy, SystemClock, Timestamp,
    storage::{
        Answer, Batch, Decision, Hit, LeaseStorage, LocalRefusals, RedisStorage, Refund, Resilient, Storage,
    },
};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Units a second.
pub const LIMIT: u64 = 20_000;

const TICK: Duration = Duration::from_millis(1);

/// What a fleet does.
#[derive(Clone)]
pub struct Orders {
    pub uri: String,
    pub processes: u64,
    /// Requests a second, of all processes.
    pub demand: u64,
    /// On the way to the server, and on the way back.
    pub delay_ms: u64,
    pub has_leases: bool,
    pub seconds: u64,
}

impl fmt::Display for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uri, processes, demand, delay_ms, has_leases, seconds } = self;
        write!(f, "{uri} {processes} {demand} {delay_ms} {} {seconds}", u8::from(*has_leases))
    }
}

impl Orders {
    pub fn parse(text: &str) -> Self {
        let words: Vec<_> = text.split(' ').collect();
        let number = |place: usize| words[place].parse().expect("it is a number");
        Self {
            uri: words[0].into(),
            processes: number(1),
            demand: number(2),
            delay_ms: number(3),
            has_leases: number(4) == 1,
            seconds: number(5),
        }
    }

    pub fn name(&self) -> String {
        let Self { processes, demand, .. } = self;
        let leases = if self.has_leases { "leases" } else { "no leases" };
        let delay = if self.delay_ms > 0 { ", 1 ms away" } else { "" };
        format!("{processes} processes, {demand} requests a second, {leases}{delay}")
    }
}

/// What a process has found.
#[derive(Default)]
struct Book {
    windows: BTreeMap<u64, (u64, u64)>,
    latest: u64,
    waits: BTreeMap<u64, u64>,
}

/// Four classes for each power of two of nanoseconds.
fn class_of(wait: Duration) -> u64 {
    let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX).max(4);
    let power = u64::from(nanos.ilog2());
    power * 4 + (nanos >> (power - 2)) % 4
}

/// The upper end of a class, in microseconds.
pub fn micros_of(class: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "waits are short")]
    let nanos = ((1_u64 << (class / 4)) / 4 * (5 + class % 4)) as f64;
    nanos / 1000.0
}

/// Sends requests, then prints what has become of them.
pub async fn run(orders: &Orders) {
    let process = Arc::new(Process::new(orders));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let per_second = orders.demand / orders.processes;
    for tick in 0..orders.seconds * 1000 {
        ticks.tick().await;
        let until_now = |tick: u64| tick * per_second / 1000;
        for _ in until_now(tick)..until_now(tick + 1) {
            tokio::spawn(Arc::clone(&process).request());
        }
    }
    sleep(Duration::from_secs(1)).await;
    let book = process.book.lock().expect("nobody panics");
    book.waits.iter().for_each(|(class, count)| println!("wait {class} {count}"));
    book.windows.iter().for_each(|(stamp, (admitted, refused))| println!("window {stamp} {admitted} {refused}"));
}

struct Process {
    storage: Arc<dyn Storage>,
    clock: SystemClock,
    scope: Scope,
    key: Key,
    policy: Policy,
    book: Mutex<Book>,
}

impl Process {
    /// Makes the storage as a limiter does.
    fn new(orders: &Orders) -> Self {
        let redis = RedisStorage::new(&orders.uri).expect("it is an address");
        let redis = Distant { storage: redis, delay: Duration::from_millis(orders.delay_ms) };
        let storage: Arc<dyn Storage> = Arc::new(LocalRefusals::new(Arc::new(Resilient::new(redis))));
        let leases = orders.has_leases.then(Leases::default);
        Self {
            storage: if orders.has_leases { Arc::new(LeaseStorage::new(storage)) } else { storage },
            clock: SystemClock::new(),
            scope: Scope::new(["application"]),
            key: Key::from("all"),
            policy: Policy::new(Quota::per_second(LIMIT), Strategy::FixedWindow).with_leases(leases),
            book: Mutex::default(),
        }
    }

    async fn request(self: Arc<Self>) {
        let start = Instant::now();
        let hits = [Hit::new(&self.scope, &self.key, &self.policy)];
        let decision = self.storage.decide(&Batch::new(&hits), self.clock.now()).await.expect("it answers in time");
        let wait = start.elapsed();
        let mut book = self.book.lock().expect("nobody panics");
        *book.waits.entry(class_of(wait)).or_default() += 1;
        if decision.is_admitted() {
            let stamp = Refund::new(hits[0], &decision.limits()[0]).stamp;
            book.latest = book.latest.max(stamp);
            book.windows.entry(stamp).or_default().0 += 1;
        } else {
            let latest = book.latest;
            book.windows.entry(latest).or_default().1 += 1;
        }
    }
}

/// A storage with a longer way to it.
#[derive(Debug)]
struct Distant {
    storage: RedisStorage,
    delay: Duration,
}

impl Distant {
    fn delayed<'a, T: Unpin + Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        if self.delay.is_zero() {
            return answer;
        }
        Answer::Pending(Box::pin(async move {
            sleep(self.delay).await;
            let answer = answer.await;
            sleep(self.delay).await;
            answer
        }))
    }
}

impl Storage for Distant {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        self.delayed(self.storage.decide(batch, now))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.delayed(self.storage.refund(taken, now))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.storage.clear(hits)
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.storage.reset()
    }
}
