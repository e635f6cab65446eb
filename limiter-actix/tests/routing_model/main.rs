//! Random apps, and a plain model of where limits hold: contract, section 3.
//!
//! Each app is built twice: as it is, and bare, without any limiter. The bare twin shows where actix brings a
//! request. From that and the description the model works out the limits that apply, and counts.
//!
//! Runs for a minute, from the same seed each time. The first seed goes on where guards decide, as in a twin of a guarded
//! scope with a limiter, and the others keep to requests whose routing is certain. `LIMITER_MODEL_SECONDS` sets another
//! time, `LIMITER_MODEL_SEED` another first seed, and `LIMITER_MODEL_OPEN=1` has all seeds go on where guards decide.

use std::{
    cell::{Cell, RefCell},
    env,
    time::{Duration, Instant},
};

use actix_web::rt::System;
use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner,
};

mod arrive;
mod build;
mod check;
mod description;
mod found;
mod judge;
mod levels;
mod middleware;
mod mount;
mod palette;
mod send;
mod sites;
mod strategy;
mod tally;
mod walk;
mod way;

use self::{check::Totals, description::Case};

/// Seeds of cases that failed; each is tried again first.
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/routing_model/seeds.txt");

/// The number of seeds that go on where guards decide, of each test.
const OPEN_SEEDS: u64 = 1;

#[test]
fn limits_hold_where_the_model_says() {
    try_many(0);
}

/// The same with other seeds, at the same time.
#[test]
fn limits_hold_where_the_model_says_as_well() {
    try_many(1 << 32);
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

/// Tries random cases until the time is up.
fn try_many(offset: u64) {
    let seconds = number("LIMITER_MODEL_SECONDS").unwrap_or(60);
    let first = number("LIMITER_MODEL_SEED").unwrap_or(1).wrapping_add(offset);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut totals = Totals::default();
    let mut seed = first;
    while Instant::now() < end {
        let is_open = seed - first < OPEN_SEEDS || number("LIMITER_MODEL_OPEN").is_some();
        if let Err(wrong) = try_some(seed, is_open, end, &mut totals) {
            panic!("LIMITER_MODEL_SEED={seed} finds:\n{wrong}");
        }
        seed += 1;
    }
    println!("seeds {first}..{seed}: {totals:?}");
    assert!(totals.certain > totals.requests / 10, "the model knows too little: {totals:?}");
    assert!(totals.refused > totals.requests / 10, "too little is refused: {totals:?}");
}

/// Makes seeds unlike each other.
fn spread(seed: u64) -> u128 {
    (u128::from(seed) + 1).wrapping_mul(0xda94_2042_e4dd_58b5_9e37_79b9_7f4a_7c15)
}

/// Tries a few hundred cases.
fn try_some(seed: u64, is_open: bool, end: Instant, totals: &mut Totals) -> Result<(), String> {
    let system = System::new();
    let config = Config {
        cases: 500,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    // Cheaper than the default, which takes half of the time.
    let random = TestRng::from_seed(RngAlgorithm::XorShift, &spread(seed).to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, random);
    let (sums, has_found) = (RefCell::new(totals), Cell::new(false));
    let result = runner.run(&strategy::case(), |mut case| {
        case.certain_only |= !is_open;
        // What was found is made smaller, however long it takes.
        if Instant::now() > end && !has_found.get() {
            return Ok(());
        }
        let result = play(&system, &case, &mut sums.borrow_mut());
        result.map_err(|wrong| {
            has_found.set(true);
            TestCaseError::fail(wrong)
        })
    });
    result.map_err(|error| match error {
        TestError::Fail(reason, case) => format!("{reason}\n{}", as_code(&case)),
        TestError::Abort(reason) => reason.to_string(),
    })
}

fn play(system: &actix_web::rt::SystemRunner, case: &Case, totals: &mut Totals) -> Result<(), String> {
    system.block_on(check::play(case, totals))
}

/// A case as it can be kept in `found.rs`.
fn as_code(case: &Case) -> String {
    format!("{case:#?}").replace('[', "vec![")
}
