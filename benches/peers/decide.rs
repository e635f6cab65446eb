//! What one decision costs in thread CPU time, beside peers measured in the same run.
//!
//! Prints nanoseconds a decision: the median of several rounds, the sides taking turns so that a noisy machine
//! is noisy to all of them. Compare the ratios, not the figures.

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    thread,
    time::Duration,
};

use dashmap::DashMap;
use governor::{DefaultKeyedRateLimiter, Quota as GovernorQuota};
use limiter_core::{
    Clock, Key, Policy, Quota, Scope, Strategy, SystemClock,
    storage::{Batch, Hit, MemoryStorage},
};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 15;
const DECISIONS: u32 = 200_000;
const MANY: u32 = 100_000;
const PLENTY: u32 = 1_000_000_000;

/// Something that decides about the `n`th client.
type Side<'a> = Box<dyn Fn(u32) -> bool + Sync + 'a>;

fn main() {
    // `cargo test` runs a bench once to see that it works.
    let rounds = if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { 1 };
    println!(
        "ns a decision (median of {rounds})   hot   100 k keys   refused   2 threads   2 threads, 100 k"
    );
    let sides = sides(PLENTY);
    let refusing = sides_that_refuse();
    let mut figures = vec![[const { Vec::new() }; 5]; sides.len()];
    for _ in 0..rounds {
        for (index, (_, side)) in sides.iter().enumerate() {
            figures[index][0].push(time(side, hot));
            figures[index][1].push(time(side, spread));
            figures[index][3].push(in_two_threads(side, hot));
            figures[index][4].push(in_two_threads(side, spread));
        }
        for (index, (_, side)) in refusing.iter().enumerate() {
            figures[index][2].push(time(side, hot));
        }
    }
    for ((name, _), figures) in sides.iter().zip(figures) {
        let [hot, many, refused, threads, many_threads] = figures.map(median);
        println!("{name:<32}{hot:>6.0}{many:>13.0}{refused:>10.0}{threads:>12.0}{many_threads:>19.0}");
    }
}

fn hot(_: u32) -> u32 {
    7
}

/// Visits all keys in an order that caches do not foresee.
fn spread(step: u32) -> u32 {
    step.wrapping_mul(2_654_435_761) % MANY
}

fn time(side: &Side<'_>, client: fn(u32) -> u32) -> f64 {
    let start = cpu_nanos();
    for step in 0..DECISIONS {
        black_box(side(black_box(client(step))));
    }
    (cpu_nanos() - start) / f64::from(DECISIONS)
}

fn in_two_threads(side: &Side<'_>, client: fn(u32) -> u32) -> f64 {
    thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(|| time(side, client)));
        threads.into_iter().map(|thread| thread.join().expect("no side panics")).sum::<f64>() / 2.0
    })
}

#[expect(clippy::cast_precision_loss, reason = "a few seconds of nanoseconds fit")]
fn cpu_nanos() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn address(client: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + client))
}

/// Without the moving window, whose log holds at most 10 000 hits and cannot be hit this often.
fn sides(amount: u32) -> Vec<(&'static str, Side<'static>)> {
    let counters = Strategy::ALL.into_iter().filter(|strategy| *strategy != Strategy::MovingWindow);
    let mut sides: Vec<(&str, Side<'static>)> =
        counters.map(|strategy| (strategy.name(), limiter(strategy, amount))).collect();
    sides.push(("2 limits of one client", batch::<2>(amount)));
    sides.push(("4 limits of one client", batch::<4>(amount)));
    sides.push(("governor by address", governor(amount)));
    sides.push(("governor by text", governor_by_text(amount)));
    sides.push(("pingora-limits Rate", pingora(amount)));
    sides.push(("floor: DashMap entry", floor()));
    sides
}

/// The same sides in the same order, spent.
fn sides_that_refuse() -> Vec<(&'static str, Side<'static>)> {
    let sides = sides(1);
    for (_, side) in &sides {
        side(hot(0));
    }
    sides
}

fn limiter(strategy: Strategy, amount: u32) -> Side<'static> {
    let (storage, clock) = (MemoryStorage::new(), SystemClock::new());
    let policy = Policy::new(Quota::per_hour(amount.into()), strategy);
    let scope = Scope::new(["bench"]);
    Box::new(move |client| {
        let key = Key::from(address(client));
        storage.decide(&Batch::new(&[Hit::new(&scope, &key, &policy)]), clock.now()).is_admitted()
    })
}

fn batch<const LIMITS: usize>(amount: u32) -> Side<'static> {
    let (storage, clock) = (MemoryStorage::new(), SystemClock::new());
    let policies: [Policy; LIMITS] = std::array::from_fn(|label| {
        Policy::new(Quota::per_hour(amount.into()), Strategy::FixedWindow).with_label(label.to_string())
    });
    let scope = Scope::new(["bench"]);
    Box::new(move |client| {
        let key = Key::from(address(client));
        let hits = policies.each_ref().map(|policy| Hit::new(&scope, &key, policy));
        storage.decide(&Batch::new(&hits), clock.now()).is_admitted()
    })
}

fn governor(amount: u32) -> Side<'static> {
    let quota = GovernorQuota::per_hour(NonZeroU32::new(amount).expect("above zero"));
    let limiter = DefaultKeyedRateLimiter::keyed(quota);
    Box::new(move |client| limiter.check_key(&address(client)).is_ok())
}

fn governor_by_text(amount: u32) -> Side<'static> {
    let quota = GovernorQuota::per_hour(NonZeroU32::new(amount).expect("above zero"));
    let limiter = DefaultKeyedRateLimiter::keyed(quota);
    Box::new(move |client| limiter.check_key(&address(client).to_string()).is_ok())
}

/// An estimate, which may be too high but never too low.
fn pingora(amount: u32) -> Side<'static> {
    let rate = pingora_limits::rate::Rate::new(Duration::from_secs(3600));
    Box::new(move |client| rate.observe(&address(client), 1) <= isize::try_from(amount).unwrap_or(isize::MAX))
}

fn floor() -> Side<'static> {
    let map = DashMap::with_hasher(foldhash::fast::RandomState::default());
    Box::new(move |client| {
        let mut count = map.entry(address(client)).or_insert(0_u64);
        *count += 1;
        *count > 0
    })
}
