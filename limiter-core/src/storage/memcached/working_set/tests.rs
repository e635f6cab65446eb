use super::*;
use crate::{
    Key, Quota, Scope, Strategy, Unit,
    storage::{Batch, Hit, Refund, memcached::job::Job},
};

const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);
const LIMIT: u64 = 40;
const NAMES: [&str; 3] = ["x", "y", "z"];

/// A server as far as it matters here.
#[derive(Default)]
struct Server {
    values: HashMap<String, (u64, String)>,
    versions: u64,
}

impl Server {
    fn answer(&mut self, questions: Vec<(usize, Commands)>) -> Vec<Vec<Reply>> {
        let mut answers = Vec::new();
        for (_, commands) in questions {
            let mut lines = commands.text.split_terminator("\r\n");
            let mut replies = Vec::new();
            while let Some(line) = lines.next() {
                let words: Vec<_> = line.split(' ').collect();
                let value = if words[0] == "ms" { lines.next().unwrap() } else { "" };
                replies.push(self.reply(&words, value));
            }
            assert_eq!(replies.len(), commands.replies);
            answers.push(replies);
        }
        answers
    }

    fn reply(&mut self, words: &[&str], value: &str) -> Reply {
        let present = self.values.get(words[1]).cloned();
        let wanted = words.iter().find_map(|word| word.strip_prefix('C')?.parse::<u64>().ok());
        match (words[0], present, wanted) {
            ("mg", Some((cas, value)), _) => Reply::Value(cas, value),
            ("mg", None, _) | (_, None, Some(_)) => Reply::Absent,
            (_, Some((cas, _)), Some(wanted)) if cas != wanted => Reply::Changed,
            ("ms", Some(_), None) => Reply::Changed,
            ("ms", ..) => {
                self.versions += 1;
                self.values.insert(words[1].to_owned(), (self.versions, value.to_owned()));
                Reply::Done(Some(self.versions))
            }
            _ => {
                self.values.remove(words[1]);
                Reply::Done(None)
            }
        }
    }
}

/// Somebody who takes and gives back, one step at a time.
struct Actor {
    policy: Policy,
    dice: u64,
    ledger: Ledger,
    places: Vec<Vec<usize>>,
    jobs: Vec<Doing>,
    decisions: Option<Vec<crate::storage::Decision>>,
    /// What was admitted and not given back: the place of the count, the cost and the report.
    kept: Vec<(usize, u64, Window)>,
}

/// A job, and what it is about: it takes or gives back so much of these counts.
struct Doing {
    job: Job,
    hits: Vec<(usize, u64)>,
    is_return: bool,
}

impl Actor {
    fn new(policy: &Policy, seed: u64) -> Self {
        let mut actor = Self {
            policy: policy.clone(),
            dice: seed * 2 + 1,
            ledger: Ledger::default(),
            places: Vec::new(),
            jobs: Vec::new(),
            decisions: None,
            kept: Vec::new(),
        };
        actor.begin();
        actor
    }

    fn below(&mut self, most: u64) -> usize {
        // Marsaglia's xorshift.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from((self.dice >> 20) % most).unwrap()
    }

    fn begin(&mut self) {
        self.jobs = (0..=self.below(2)).map(|_| self.some_job()).collect();
        self.ledger = Ledger::default();
        let jobs = self.jobs.iter();
        self.places =
            jobs.map(|it| it.job.hits().iter().map(|hit| self.ledger.place(hit)).collect()).collect();
    }

    fn some_job(&mut self) -> Doing {
        let (scope, key, policy) = (Scope::new(["simulated"]), Key::from("somebody"), self.policy.clone());
        let hit = |cost| Hit::new(&scope, &key, &policy).cost(cost);
        if !self.kept.is_empty() && self.below(3) == 0 {
            let (at, cost, window) = self.kept.swap_remove(0);
            let refunded = [Refund::new(hit(cost), &window)];
            let job = Job::refund(&refunded, NOON, |hit| Kept::new(hit, NAMES[at].into(), 0));
            return Doing { job, hits: vec![(at, cost)], is_return: true };
        }
        let first = self.below(3);
        let hits = vec![(first, 1), ((first + 1 + self.below(2)) % 3, 1 + self.below(2) as u64)];
        let both = [hit(hits[0].1), hit(hits[1].1)];
        let at = |wanted: &Hit<'_>| usize::from(!std::ptr::eq(wanted, &raw const both[0]));
        let job =
            Job::decide(&Batch::new(&both), NOON, |hit| Kept::new(hit, NAMES[hits[at(hit)].0].into(), 0));
        Doing { job, hits, is_return: false }
    }

    /// Reads, or writes; tells whether its jobs are done.
    fn step(&mut self, server: &mut Server) -> bool {
        let Some(decisions) = self.decisions.take() else {
            self.ledger.read(server.answer(self.ledger.reading())).unwrap();
            let jobs = self.jobs.iter().zip(&self.places);
            self.decisions = Some(jobs.map(|(it, places)| it.job.run(&mut self.ledger, places)).collect());
            return false;
        };
        if !self.ledger.written(server.answer(self.ledger.writing())).unwrap() {
            return false;
        }
        for (doing, decision) in self.jobs.iter().zip(decisions) {
            if !doing.is_return && decision.is_admitted() {
                let taken = doing.hits.iter().zip(decision.limits());
                self.kept.extend(taken.map(|((at, cost), window)| (*at, *cost, *window)));
            }
        }
        true
    }
}

/// Whoever gets in between whom: what the server has is what was admitted and not given back, and never more than
/// the limit.
#[test]
fn what_is_written_is_what_was_admitted() {
    let strategies = Strategy::ALL.into_iter().filter(|it| *it != Strategy::MovingWindow);
    for strategy in strategies {
        let policy = Policy::new(Quota::new(LIMIT, 1, Unit::Year), strategy);
        for seed in 1..400 {
            let mut server = Server::default();
            let mut actors: Vec<_> = (0..3).map(|actor| Actor::new(&policy, seed * 10 + actor)).collect();
            let mut turns = Actor::new(&policy, seed * 1000);
            for _ in 0..200 {
                let actor = &mut actors[turns.below(3)];
                if actor.step(&mut server) {
                    actor.begin();
                }
            }
            for actor in &mut actors {
                while !actor.step(&mut server) {}
            }
            for (at, name) in NAMES.iter().enumerate() {
                let kept = actors.iter().flat_map(|actor| &actor.kept).filter(|kept| kept.0 == at);
                let expected: u64 = kept.map(|kept| kept.1).sum();
                let value = server.values.get(*name).and_then(|(_, text)| Value::read(&policy, text));
                let left = value.map_or(LIMIT, |value| value.test(&policy, 0, NOON).remaining());
                assert_eq!(LIMIT - left, expected, "{strategy}, seed {seed}: {name}");
            }
        }
    }
}

/// The defect: a server that says nothing of versions would let us write over what others have written.
#[test]
fn a_reply_that_does_not_fit_is_a_failure() {
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    let (scope, key) = (Scope::new(["simulated"]), Key::from("somebody"));
    let hit = Kept::new(&Hit::new(&scope, &key, &policy), "x".into(), 0);
    let wrong_reads = [vec![], vec![Reply::Done(None)], vec![Reply::Failed("SERVER_ERROR x".into())]];
    for replies in wrong_reads {
        let mut ledger = Ledger::default();
        ledger.place(&hit);
        assert!(ledger.read(vec![replies]).is_err());
    }
    for reply in [Reply::Done(None), Reply::Alive, Reply::Value(1, String::new())] {
        let mut ledger = Ledger::default();
        ledger.place(&hit);
        assert!(ledger.written(vec![vec![reply]]).is_err());
    }
}

/// The defect: what was owed to a count that is gone is given back to the one after it.
#[test]
fn nothing_is_owed_to_a_count_that_is_gone() {
    let policy = Policy::new(Quota::new(LIMIT, 1, Unit::Year), Strategy::FixedWindow);
    let (scope, other, key) = (Scope::new(["x"]), Scope::new(["y"]), Key::from("somebody"));
    let both = [Hit::new(&scope, &key, &policy), Hit::new(&other, &key, &policy)];
    let name = |hit: &Hit<'_>| hit.scope.parts().collect::<String>().into();
    let job = Job::decide(&Batch::new(&both), NOON, |hit| Kept::new(hit, name(hit), 0));
    let mut ledger = Ledger::default();
    let places: Vec<_> = job.hits().iter().map(|hit| ledger.place(hit)).collect();
    let used = |used: u64| {
        let mut value = Value::new(&policy);
        assert!(value.hit(&policy, used, NOON).1);
        Reply::Value(7, value.text())
    };
    let in_vain = vec![vec![Reply::Done(Some(1))], vec![Reply::Changed]];
    let attempts = [
        // What is read of the first count, after what was written in vain has been undone.
        vec![Reply::Absent],
        vec![Reply::Changed, used(3)],
        vec![Reply::Absent, Reply::Absent],
        vec![Reply::Absent, used(5)],
    ];
    for replies in attempts {
        ledger.read(vec![replies, vec![Reply::Absent]]).unwrap();
        assert!(job.run(&mut ledger, &places).is_admitted());
        assert!(!ledger.written(in_vain.clone()).unwrap());
    }
    assert_eq!(ledger.counts[0].value.test(&policy, 0, NOON).remaining(), LIMIT - 6, "5 and this one");
}
