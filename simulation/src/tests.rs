//! The simulation finds what is wrong, and nothing else.

use crate::{
    fleet::run,
    ledger::Ledger,
    scenario::{Faults, Planted, Scenario},
};

/// All faults without which no server forgets what it has counted.
const FAULTS: Faults =
    Faults { partitions: true, slow_links: true, crashes: true, failovers: false, skew: true };

/// Fleets with more requests than the limit, and with fewer.
fn bursts() -> [Scenario; 2] {
    let fleet = Scenario { seconds: 6, ..Scenario::bursts("bursts", FAULTS) };
    [Scenario { demand: fleet.demand / 2, ..fleet.clone() }, fleet]
}

fn is_wrong(ledger: &Ledger) -> bool {
    ledger.excess() > 0 || ledger.late > 0
}

#[test]
fn never_more_is_admitted_than_the_limit() {
    for (seed, scenario) in (0..4).flat_map(|seed| bursts().map(|scenario| (seed, scenario))) {
        let ledger = run(&scenario, seed);
        assert!(!is_wrong(&ledger), "seed {seed}: {} too many, {} late", ledger.excess(), ledger.late);
        assert!(ledger.calls * 3 < ledger.decisions, "seed {seed}: leases are in use");
    }
}

#[test]
fn planted_errors_are_found() {
    for planted in [Planted::RefundsAgain, Planted::SlowClocks] {
        let is_found =
            |seed| bursts().into_iter().any(|it| is_wrong(&run(&Scenario { planted, ..it }, seed)));
        assert!((0..20).any(is_found), "{planted:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let figures = |seed| {
        let [scenario, _] = bursts();
        let ledger = run(&Scenario { seconds: 2, ..scenario }, seed);
        (ledger.decisions, ledger.calls, ledger.refunds, ledger.by_fallback, ledger.usable())
    };
    assert_eq!(figures(3), figures(3));
    assert_ne!(figures(3), figures(4));
}

#[test]
fn a_failover_loses_no_more_than_the_last_writes() {
    let faults = Faults { failovers: true, ..Faults::default() };
    let scenario = Scenario { seconds: 6, ..Scenario::bursts("failovers", faults) };
    for seed in 0..3 {
        let ledger = run(&scenario, seed);
        assert!(ledger.by_fallback > 0, "seed {seed}: requests meet the fault");
        assert!(ledger.excess() < scenario.limit / 4, "seed {seed}: {} too many", ledger.excess());
    }
}

/// Without leases, all processes would call the server for each request, wait until their deadline, and call again.
#[test]
fn a_fleet_that_starts_under_load_does_not_overload_its_server() {
    let fleet = Scenario::all().into_iter().find(|it| it.name.starts_with("50 nodes, one count"));
    let fleet = Scenario { seconds: 2, ..fleet.expect("it is there") };
    assert!(fleet.demand > Scenario::CAPACITY, "one server cannot decide each request");
    let (with, without) = (run(&fleet, 1), run(&fleet.without_leases(), 1));
    assert!(with.by_fallback * 100 < with.decisions, "{} of {}", with.by_fallback, with.decisions);
    assert!(without.by_fallback * 2 > without.decisions, "{} of {}", without.by_fallback, without.decisions);
}
