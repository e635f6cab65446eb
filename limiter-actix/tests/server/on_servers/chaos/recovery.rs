//! That all is as before once the faults have ended.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{
    FOR_EVER, LEASE,
    kinds::{BREACHES, Form, KINDS, Kind, REFUSED_BY_META, RESERVED, USED},
    losses::histories,
    process::{GROUPED, Process},
    record::{By, Client, Decision, Run},
    servers::Servers,
};

/// A client that was never seen before, and is in no group with another.
fn stranger() -> Client {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    Client { lane: u32::MAX, number: NEXT.fetch_add(GROUPED, SeqCst) }
}

/// So many clients are on all shards, almost certainly.
const PROBES: usize = 8;

/// Waits until each process is decided by the servers again.
pub(super) fn wait(processes: &[Process]) {
    for process in processes {
        for (limiter, form) in process.limiters.iter().zip([Form::Calendar, Form::Meta]) {
            let kind = place(form);
            let is_decided = || {
                let decisions = (0..PROBES).flat_map(|_| process.send(kind, stranger(), 1, Duration::ZERO));
                decisions.map(|it| it.by).all(|by| by == By::Server) && !limiter.storage_health().is_failing()
            };
            until("the breaker closes", is_decided);
        }
    }
}

/// Waits until the load has ended.
pub(super) fn settle(run: &Run) {
    until("all requests have ended", || run.is_settled());
}

/// The clients of concurrent requests.
pub(super) fn concurrent_clients(log: &[Decision]) -> BTreeSet<Client> {
    let concurrent = place(Form::Concurrent);
    log.iter().filter(|it| it.kind == concurrent).map(|it| it.client).collect()
}

/// Checks that all places of these clients are free, and that new clients get exactly their limits.
pub(super) fn check(processes: &[Process], servers: &Servers, concurrent: &BTreeSet<Client>) {
    for client in concurrent {
        are_free(processes, *client);
    }
    for (number, kind) in KINDS.iter().enumerate().filter(|(_, kind)| kind.form != Form::Concurrent) {
        is_exact(processes, servers, number, kind);
    }
}

/// A place whose call was lost ends with its lease.
fn are_free(processes: &[Process], client: Client) {
    let kind = place(Form::Concurrent);
    let amount = usize::try_from(KINDS[kind].amount).expect("there are few");
    let start = Instant::now();
    let mut hold = Duration::from_millis(30);
    loop {
        let decisions = processes[0].send(kind, client, amount, hold);
        let is_admitted = |it: &Decision| it.is_admitted() && it.by == By::Server;
        let last = decisions.iter().map(|it| it.answered).max();
        let first = decisions.iter().map(|it| it.ended).min();
        if decisions.iter().all(is_admitted) {
            if last < first {
                return;
            }
            // On a busy machine, one may have ended before the next began.
            hold *= 2;
        }
        assert!(start.elapsed() < LEASE + FOR_EVER, "a place of {client:?} is lost: {decisions:?}");
        sleep(Duration::from_millis(50));
    }
}

fn is_exact(processes: &[Process], servers: &Servers, number: usize, kind: &Kind) {
    until("the servers decide a client's requests", || {
        let (client, before) = (stranger(), histories(servers));
        let [mut admitted, mut refused] = [0; 2];
        let requests = if kind.form == Form::Leased { FEW } else { kind.amount + BREACHES + 2 };
        for (turn, _) in (0..requests).enumerate() {
            let decision = &processes[turn % processes.len()].send(number, client, 1, Duration::ZERO)[0];
            // It may have been late. Then it counts or not.
            if decision.by != By::Server {
                return false;
            }
            admitted += u64::from(decision.is_admitted());
            refused += u64::from(decision.status == 429);
            assert!([200, 429, REFUSED_BY_META].contains(&decision.status), "{decision:?}");
        }
        let expected = match kind.form {
            Form::Leased => FEW..=FEW,
            // Refunds take a while.
            Form::Metered => kind.amount.div_ceil(RESERVED)..=kind.amount.div_ceil(USED),
            _ => kind.amount..=kind.amount,
        };
        let breaches = if kind.form == Form::Meta { BREACHES } else { requests - admitted };
        let is_exact = expected.contains(&admitted) && refused == breaches;
        if !is_exact && (before.is_none() || before != histories(servers)) {
            // A busy machine is a fault of its own: a replica that was promoted meanwhile may have lost hits.
            return false;
        }
        assert!(is_exact, "{}: {admitted} are admitted, {refused} of {breaches} are refused", kind.name);
        true
    });
}

/// Of a large amount.
const FEW: u64 = 5;

fn place(form: Form) -> usize {
    KINDS.iter().position(|kind| kind.form == form).expect("there is one of each")
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < FOR_EVER, "waited {FOR_EVER:?} until {what}");
        sleep(Duration::from_millis(20));
    }
}
