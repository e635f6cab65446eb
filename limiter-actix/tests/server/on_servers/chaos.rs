//! Chaos on real servers: nodes of a cluster with replicas, and of a primary with a replica under Sentinel, are killed,
//! frozen and cut off at random, while three processes decide requests under limits of every kind.
//!
//! From a log of all decisions it is checked that no limit is exceeded beyond what `docs/scale.md` states for a fault,
//! that no request fails or waits for longer than documented, and that all is as before in the end.
//!
//! Each topology takes [`SECONDS`], or as many seconds as `LIMITER_CHAOS_SECONDS` states, and some more to start and to
//! recover. The seed is printed, and `LIMITER_CHAOS_SEED` sets it: the faults and the load are the same then, but not their
//! times.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use limiter_actix::storage::Resilient;
use limiter_test_support::{log, random::Random};
use tokio::runtime::Runtime;

use self::{faults::Chaos, process::Process, record::Run, servers::Servers};
use crate::soaking;

mod faults;
mod kinds;
mod losses;
mod process;
mod record;
mod recovery;
mod servers;
mod verdict;

const SECONDS: u64 = 10;

const PROCESSES: usize = 3;

/// The lease of concurrent requests. It is much longer than they last, and short enough to wait for its end.
const LEASE: Duration = Duration::from_secs(5);

/// The longest time of an answer: the deadline of a call, and a margin for a machine that is busy with something else.
const MAX_DECISION_TIME: Duration = Resilient::<limiter_actix::storage::MemoryStorage>::DEFAULT_DEADLINE
    .saturating_add(Duration::from_secs(15));

/// The time in which all recovers on any machine. Servers that elect a primary on a busy one take tens of seconds.
const FOR_EVER: Duration = Duration::from_secs(180);

fn seed() -> u64 {
    soaking::number("LIMITER_CHAOS_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        u64::from(now.subsec_micros())
    })
}

fn run(servers: impl AsyncFnOnce() -> Servers) {
    let seed = seed();
    println!("LIMITER_CHAOS_SEED={seed}");
    let _alone = soaking::alone();
    log::capture();
    soaking::count_panics();
    let panics = soaking::panics();
    // For the proxies, beside this thread, which waits.
    let runtime = Runtime::new().expect("a runtime");
    let starting = Instant::now();
    let servers = runtime.block_on(servers());
    let (run, mut random) = (Arc::new(Run::new()), Random(seed));
    let uri = servers.uri();
    let processes: Vec<_> =
        (0..PROCESSES).map(|number| Process::start(number, &uri, &run, random.below(u64::MAX))).collect();
    let length = soaking::seconds("LIMITER_CHAOS_SECONDS", SECONDS);
    let start = Instant::now();
    println!("started in {:?}", start - starting);
    let mut chaos = Chaos::begin(servers, Arc::clone(&run), &processes, random);
    while start.elapsed() < length {
        chaos.step();
    }
    let faults = chaos.faults.clone();
    let (losses, servers) = chaos.end();
    let lasted = start.elapsed();
    println!("{} faults in {lasted:?}, {} losses: {faults:?}", faults.len(), losses.len());
    recovery::settle(&run);
    let log = run.take_log();
    let clients = recovery::concurrent_clients(&log);
    let summary = verdict::Summary::of(&log);
    println!("{summary:?}");
    let wrong = verdict::wrong(&log, &losses);
    assert!(wrong.is_empty(), "LIMITER_CHAOS_SEED={seed}, {faults:?}: {wrong:#?}");
    summary.assert_shows_something();
    let recovering = Instant::now();
    recovery::check(&processes, &servers, &clients);
    println!("recovered in {:?}", recovering.elapsed());
    assert_eq!(soaking::panics(), panics, "the limiter panics");
    soaking::assert_prompt(summary.longest);
}

#[test]
fn on_a_cluster() {
    soaking::in_own_process("on_servers::chaos::on_a_cluster", || run(Servers::cluster));
}

#[test]
fn under_sentinel() {
    soaking::in_own_process("on_servers::chaos::under_sentinel", || run(Servers::sentinel));
}
