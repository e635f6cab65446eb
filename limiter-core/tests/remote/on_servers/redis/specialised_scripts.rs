//! The usual batches, which specialised scripts decide.

use std::{env, process::Command, time::Duration};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Unit, Window,
    storage::{Batch, Decision, Hit, RedisStorage, Storage},
};
use limiter_test_servers::Redis;

use crate::{
    NOON,
    batches::{Dice, refund},
    on_servers::redis::server::Administered,
    server::Server,
};

/// Set in a process that runs one test.
const TASK: &str = "LIMITER_TEST_SCRIPTS";

/// A process specialises a bounded number of scripts, and other tests need many.
#[test]
fn specialised_and_general_scripts_decide_alike() {
    let mut process = Command::new(env::current_exe().unwrap());
    process.args([
        "--exact",
        "on_servers::redis::specialised_scripts::in_a_process_of_its_own",
        "--nocapture",
    ]);
    assert!(process.env(TASK, "").status().unwrap().success());
}

/// The same batches one after the other are decided alike by the script for all batches, which a guard in shadow
/// brings in, down to the last report: also when the time stands still or goes back, when several hits share a count,
/// and when they do not come in the order in which they are stored.
#[tokio::test]
async fn in_a_process_of_its_own() {
    if env::var(TASK).is_err() {
        return;
    }
    let server = Redis::start();
    let storage = server.storage().use_caller_clock();
    let other = RedisStorage::builder(&server.uri()).prefix("other").build().unwrap().use_caller_clock();
    let (scopes, key) = (["plain", "other"].map(|name| Scope::new([name])), Key::text("client", "a"));
    let (nowhere, day) = (Scope::new(["nowhere"]), Policy::new(Quota::per_day(1), Strategy::FixedWindow));
    let general = Hit::new(&nowhere, &key, &day).cost(0).shadow(true);
    let policies = policies();
    let mut dice = Dice(1);
    let shapes: Vec<_> = (0..60).map(|_| Shape::new(&mut dice, &scopes, &key, &policies)).collect();
    let (mut seen, mut seconds) = ([0; 3], 1000);
    for turn in 0..4000 {
        seconds = seconds + dice.below(40) - dice.below(30).min(seconds);
        let now = NOON.after(Duration::from_secs(seconds as u64));
        let Shape { guards, limits, on_refusal } = shapes[dice.below(shapes.len())].with_costs(&mut dice);
        let batch = Batch::new(&limits).on_refusal(&on_refusal);
        let guards_and_general = [&guards[..], &[general]].concat();
        let ours = storage.decide(&batch.guards(&guards), now).await.unwrap();
        let theirs = other.decide(&batch.guards(&guards_and_general), now).await.unwrap();
        seen[ours.verdict() as usize] += 1;
        let context = format!("turn {turn}: {guards:?}, {batch:?}");
        assert_eq!(ours.verdict(), theirs.verdict(), "{context}");
        assert_eq!(reports(&ours, guards.len()), reports(&theirs, guards.len()), "{context}");
        if ours.is_admitted() && !limits.is_empty() && dice.below(4) == 0 {
            refund(&storage, &limits[..1], &ours.limits()[..1], now).await;
            refund(&other, &limits[..1], &theirs.limits()[..1], now).await;
        }
        if dice.below(100) == 0 {
            storage.clear(&limits).await.unwrap();
            other.clear(&limits).await.unwrap();
        }
    }
    assert!(seen.iter().all(|times| *times > 300), "{seen:?}");
    let info: String = server.admin().run(redis::cmd("INFO").arg("memory"));
    let scripts = info.lines().find_map(|line| line.strip_prefix("number_of_cached_scripts:")).unwrap();
    assert!(scripts.parse::<u32>().unwrap() > 60, "{scripts} scripts: few are specialised");
}

/// The largest batches of which each hit is in a key of its own, or all are in one.
#[tokio::test]
async fn batches_of_all_sizes_are_decided() {
    let server = Redis::start();
    let storage = server.storage();
    let key = Key::from("somebody");
    for strategy in Strategy::ALL {
        for (keys, sizes) in [(1, 1..13), (4, 4..13), (13, 9..13)] {
            for size in sizes {
                let scopes: Vec<_> =
                    (0..keys).map(|number| Scope::new([format!("{size} of {keys}: {number}")])).collect();
                let policies: Vec<_> = (0..size)
                    .map(|number| Policy::new(Quota::per_day(2), strategy).with_label(number.to_string()))
                    .collect();
                let hits: Vec<_> = policies
                    .iter()
                    .zip(scopes.iter().cycle())
                    .map(|(it, scope)| Hit::new(scope, &key, it))
                    .collect();
                let batch = Batch::new(&hits).guards(&hits[..1]);
                for is_admitted in [true, true, false] {
                    let plain = storage.decide(&Batch::new(&hits), NOON).await.unwrap();
                    assert_eq!(plain.is_admitted(), is_admitted, "{strategy}: {size} in {keys}");
                }
                assert!(!storage.decide(&batch, NOON).await.unwrap().is_admitted());
            }
        }
    }
}

/// The hits of a batch.
struct Shape<'a> {
    guards: Vec<Hit<'a>>,
    limits: Vec<Hit<'a>>,
    on_refusal: Vec<Hit<'a>>,
}

impl<'a> Shape<'a> {
    fn new(dice: &mut Dice, scopes: &'a [Scope; 2], key: &'a Key, policies: &'a [Policy]) -> Self {
        let mut hits = |most: usize| -> Vec<_> {
            let number = dice.below(most + 1);
            (0..number)
                .map(|_| Hit::new(&scopes[dice.below(2)], key, &policies[dice.below(policies.len())]))
                .collect()
        };
        let (guards, mut limits, mut on_refusal) = (hits(2), hits(5), hits(1));
        for hit in &mut limits {
            *hit = hit.shadow(dice.below(8) == 0);
        }
        on_refusal.extend(&guards);
        let depends = |hit: &mut Hit<'a>| {
            if dice.below(2) == 0 {
                *hit = hit.only_after(dice.below(4));
            }
        };
        on_refusal.iter_mut().for_each(depends);
        Self { guards, limits, on_refusal }
    }

    fn with_costs(&self, dice: &mut Dice) -> Self {
        let mut with_costs = |hits: &[Hit<'a>], most: usize| -> Vec<_> {
            hits.iter().map(|hit| hit.cost(dice.below(most) as u64)).collect()
        };
        Self {
            guards: with_costs(&self.guards, 2),
            limits: with_costs(&self.limits, 4),
            on_refusal: with_costs(&self.on_refusal, 3),
        }
    }
}

fn policies() -> Vec<Policy> {
    let quotas = [(3, 1), (7, 3)].map(|(amount, minutes)| Quota::new(amount, minutes, Unit::Minute));
    let plain =
        Strategy::ALL.into_iter().flat_map(|strategy| quotas.map(|quota| Policy::new(quota, strategy)));
    // Their first midnights are an hour and two hours after the beginning.
    let zones = ["+07:54", "+06:54"].map(|zone| zone.parse().unwrap());
    let day = Policy::new(Quota::per_calendar_day(300), Strategy::FixedWindow);
    plain.chain(zones.map(|zone| day.clone().with_time_zone(zone))).collect()
}

type Report = (bool, u64, Duration, Option<Duration>);

/// Returns the reports on this many guards and on the limits.
fn reports(decision: &Decision, guards: usize) -> [Vec<Report>; 2] {
    [&decision.guards()[..guards], decision.limits()].map(|windows| windows.iter().map(report).collect())
}

fn report(window: &Window) -> Report {
    (window.is_allowed(), window.remaining(), window.reset(), window.retry_after())
}
