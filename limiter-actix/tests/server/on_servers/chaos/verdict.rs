//! The invariants, checked from the log of decisions.

use std::{collections::BTreeMap, time::Duration};

use super::{
    LEASE, MAX_DECISION_TIME, PROCESSES,
    kinds::{BREACHES, Form, KINDS, PAIRS, REFUSED_BY_META, USED},
    losses::Loss,
    process::GROUPED,
    record::{By, Decision, Time},
};

/// How many requests were decided, and how. It is printed.
#[derive(Debug)]
#[expect(dead_code, reason = "some fields are only printed")]
pub(super) struct Summary {
    admitted: usize,
    refused: usize,
    by_memory: usize,
    by_nobody: usize,
    pub(super) longest: Duration,
    /// Kinds of which the servers have refused no request.
    never_refused: Vec<&'static str>,
}

impl Summary {
    pub(super) fn of(log: &[Decision]) -> Self {
        let by = |by| log.iter().filter(move |it| it.by == by);
        let is_never_refused =
            |kind: &usize| by(By::Server).filter(|it| it.kind == *kind).all(Decision::is_admitted);
        Self {
            admitted: by(By::Server).filter(|it| it.is_admitted()).count(),
            refused: by(By::Server).filter(|it| !it.is_admitted()).count(),
            by_memory: by(By::Memory).count(),
            by_nobody: by(By::Nobody).count(),
            longest: log.iter().map(Decision::took).max().unwrap_or_default(),
            never_refused: (0..KINDS.len()).filter(is_never_refused).map(|kind| KINDS[kind].name).collect(),
        }
    }

    /// Checks that the run has shown something. How much depends on the machine.
    pub(super) fn assert_shows_something(&self) {
        assert!(self.admitted > 0 && self.refused > 0 && self.by_memory > 0, "{self:?}");
    }
}

/// Returns all that is wrong, a line each.
pub(super) fn wrong(log: &[Decision], losses: &[Loss]) -> Vec<String> {
    let mut wrong: Vec<_> = log.iter().filter_map(unexpected).collect();
    for ((kind, client), decisions) in grouped(log, |it| (it.kind, it.client)) {
        let of = Checked { name: format!("{} {client:?}", KINDS[kind].name), decisions, losses };
        wrong.extend(of.check(KINDS[kind].form, KINDS[kind].amount));
    }
    let pairs = log.iter().filter(|it| KINDS[it.kind].form == Form::Pair);
    for (group, decisions) in grouped(pairs, |it| (it.client.lane, it.client.number / GROUPED)) {
        let of = Checked { name: format!("group {group:?}"), decisions, losses };
        wrong.extend(of.count(Decision::is_admitted, 0, |doubtful, _| PAIRS + doubtful));
    }
    wrong
}

fn grouped<'a, K: Ord>(
    log: impl IntoIterator<Item = &'a Decision>,
    key: impl Fn(&Decision) -> K,
) -> BTreeMap<K, Vec<&'a Decision>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for decision in log {
        groups.entry(key(decision)).or_default().push(decision);
    }
    groups
}

/// An answer that the documentation does not name, or a late one.
fn unexpected(decision: &Decision) -> Option<String> {
    let kind = &KINDS[decision.kind];
    let is_expected = match (decision.by, decision.status) {
        (By::Server | By::Memory, 200 | 429) => true,
        (By::Server | By::Memory, REFUSED_BY_META) => kind.form == Form::Meta,
        (By::Nobody, 200) => kind.form == Form::Allow,
        (By::Nobody, 503) => kind.form == Form::Deny,
        _ => false,
    };
    // These have no other decision.
    let is_fallback = decision.by == By::Memory && [Form::Allow, Form::Deny].contains(&kind.form);
    (!is_expected || is_fallback || decision.took() > MAX_DECISION_TIME)
        .then(|| format!("{}: {decision:?} after {:?}", kind.name, decision.took()))
}

/// Decisions under one limit.
struct Checked<'a> {
    name: String,
    decisions: Vec<&'a Decision>,
    losses: &'a [Loss],
}

/// Units of a lease that a failover has lost are used for so long, and a little more.
const LEASED: Time = 1_200_000_000;

impl Checked<'_> {
    fn check(&self, form: Form, amount: u64) -> Vec<String> {
        match form {
            Form::Count(_) | Form::Calendar | Form::Deny | Form::Allow => {
                self.count(Decision::is_admitted, 0, |_, _| amount)
            }
            // A unit that was lost may be refunded to the count that does not have it.
            Form::Pair => self.count(Decision::is_admitted, 0, |doubtful, _| amount + doubtful),
            Form::Metered => {
                self.count(Decision::is_admitted, 0, |doubtful, _| (amount + doubtful).div_ceil(USED))
            }
            // An eighth of what remains stands unused, as the processes estimate it.
            Form::Leased => {
                self.count(Decision::is_admitted, LEASED, |_, losses| amount + losses * amount / 4)
            }
            Form::Meta => {
                let mut wrong = self.count(Decision::is_admitted, 0, |_, _| amount);
                wrong.extend(self.count(|it| it.status == 429, 0, |_, _| BREACHES));
                wrong
            }
            Form::Concurrent => self.at_once(amount),
        }
    }

    /// Checks how often something happened. `most` gets the number of decisions that may have been lost, and that of losses.
    fn count(
        &self,
        happened: impl Fn(&Decision) -> bool,
        tail: Time,
        most: impl Fn(u64, u64) -> u64,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let by = |by| self.decisions.iter().filter(move |it| it.by == by).filter(|it| happened(it));
        let doubtful = self.decisions.iter().filter(|it| self.is_doubtful(it, tail)).count() as u64;
        let losses =
            self.losses.iter().filter(|loss| self.decisions.iter().any(|it| loss.may_concern(it, tail)));
        let losses = losses.count() as u64;
        let most_certain = most(doubtful, losses);
        let certain = by(By::Server).filter(|it| !self.is_doubtful(it, tail));
        for (generation, decisions) in grouped(certain.copied(), |it| self.generation(it)) {
            if decisions.len() as u64 > most_certain {
                wrong.push(self.excess(
                    &format!("the servers, generation {generation}"),
                    decisions.len(),
                    most_certain,
                ));
            }
        }
        // A shard may have been with a primary of before and the next one at once, and so twice.
        let most_in_all = most_certain * (1 + 2 * losses);
        let all = by(By::Server).count();
        if all as u64 > most_in_all {
            wrong.push(self.excess("the servers, losses included", all, most_in_all));
        }
        for process in 0..PROCESSES {
            let here = by(By::Memory).filter(|it| it.process == process).count();
            if here as u64 > most(0, 0) {
                wrong.push(self.excess(&format!("the memory of process {process}"), here, most(0, 0)));
            }
        }
        wrong
    }

    /// Checks how many requests were under way at the same time.
    fn at_once(&self, amount: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        let admitted = |by| self.decisions.iter().filter(move |it| it.by == by && it.is_admitted()).copied();
        // On a machine that stands still, a request may outlast its lease.
        let is_short = |it: &&Decision| Duration::from_nanos(it.ended - it.began) < LEASE / 2;
        let certain = admitted(By::Server).filter(|it| !self.is_doubtful(it, 0)).filter(is_short);
        for (generation, decisions) in grouped(certain, |it| self.generation(it)) {
            let most = most_at_once(&decisions);
            if most > amount {
                wrong.push(format!("{}: {most} at once by the servers, generation {generation}", self.name));
            }
        }
        for (process, decisions) in grouped(admitted(By::Memory), |it| it.process) {
            let most = most_at_once(&decisions);
            if most > amount {
                wrong.push(format!("{}: {most} at once by the memory of process {process}", self.name));
            }
        }
        wrong
    }

    fn is_doubtful(&self, decision: &Decision, tail: Time) -> bool {
        self.losses.iter().any(|loss| loss.may_concern(decision, tail))
    }

    /// The number of times that all was lost before.
    fn generation(&self, decision: &Decision) -> usize {
        self.losses.iter().filter(|loss| loss.is_total && loss.until < decision.began).count()
    }

    fn excess(&self, by: &str, admitted: usize, most: u64) -> String {
        format!("{}: {admitted} of {most} by {by}", self.name)
    }
}

/// The most requests that were surely under way at the same time.
fn most_at_once(decisions: &[&Decision]) -> u64 {
    let mut changes: Vec<_> = decisions.iter().flat_map(|it| [(it.answered, 1), (it.ended, -1)]).collect();
    changes.sort_unstable();
    let mut now = 0_i64;
    let at_once = changes.into_iter().map(|(_, change)| {
        now += change;
        now
    });
    at_once.max().and_then(|most| u64::try_from(most).ok()).unwrap_or(0)
}
