use super::*;
use crate::{
    Key, Quota, Scope, Strategy, Unit,
    storage::{Batch, Hit, Refund, memcached::operation::Operation},
};

const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);
const LIMIT: u64 = 40;
const NAMES: [&str; 3] = ["x", "y", "z"];

/// A simulated server, with the commands that the tests use.
#[derive(Default)]
struct SimulatedServer {
    values: HashMap<String, (u64, String)>,
    versions: u64,
}

impl SimulatedServer {
    fn run(&mut self, commands: Vec<(usize, Commands)>) -> Vec<Vec<Reply>> {
        let mut all_replies = Vec::new();
        for (_, commands) in commands {
            let mut lines = commands.text.split_terminator("\r\n");
            let mut replies = Vec::new();
            while let Some(line) = lines.next() {
                let words: Vec<_> = line.split(' ').collect();
                let value = if words[0] == "ms" { lines.next().unwrap() } else { "" };
                replies.push(self.reply(&words, value));
            }
            assert_eq!(replies.len(), commands.replies);
            all_replies.push(replies);
        }
        all_replies
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

/// A simulated process that hits and refunds, one step at a time.
struct Actor {
    policy: Policy,
    rng: u64,
    counts: WorkingSet,
    places: Vec<Vec<usize>>,
    operations: Vec<ActorOperation>,
    decisions: Option<Vec<crate::storage::Decision>>,
    /// Hits that were admitted and not refunded: the index of the count, the cost and the report.
    admitted: Vec<(usize, u64, Window)>,
}

/// An operation, with the indices of its counts and the costs.
struct ActorOperation {
    operation: Operation,
    hits: Vec<(usize, u64)>,
    is_refund: bool,
}

impl Actor {
    fn new(policy: &Policy, seed: u64) -> Self {
        let mut actor = Self {
            policy: policy.clone(),
            rng: seed * 2 + 1,
            counts: WorkingSet::default(),
            places: Vec::new(),
            operations: Vec::new(),
            decisions: None,
            admitted: Vec::new(),
        };
        actor.begin();
        actor
    }

    fn below(&mut self, bound: u64) -> usize {
        // Marsaglia's xorshift.
        self.rng ^= self.rng << 13;
        self.rng ^= self.rng >> 7;
        self.rng ^= self.rng << 17;
        usize::try_from((self.rng >> 20) % bound).unwrap()
    }

    fn begin(&mut self) {
        self.operations = (0..=self.below(2)).map(|_| self.some_operation()).collect();
        self.counts = WorkingSet::default();
        let operations = self.operations.iter();
        self.places = operations
            .map(|it| it.operation.hits().iter().map(|hit| self.counts.place(hit)).collect())
            .collect();
    }

    fn some_operation(&mut self) -> ActorOperation {
        let (scope, key, policy) = (Scope::new(["simulated"]), Key::from("somebody"), self.policy.clone());
        let hit = |cost| Hit::new(&scope, &key, &policy).cost(cost);
        if !self.admitted.is_empty() && self.below(3) == 0 {
            let (at, cost, window) = self.admitted.swap_remove(0);
            let refunds = [Refund::new(hit(cost), &window)];
            let operation = Operation::refund(&refunds, NOON, |hit| StoredHit::new(hit, NAMES[at].into(), 0));
            return ActorOperation { operation, hits: vec![(at, cost)], is_refund: true };
        }
        let first = self.below(3);
        let hits = vec![(first, 1), ((first + 1 + self.below(2)) % 3, 1 + self.below(2) as u64)];
        let both = [hit(hits[0].1), hit(hits[1].1)];
        let at = |wanted: &Hit<'_>| usize::from(!std::ptr::eq(wanted, &raw const both[0]));
        let store = |hit: &Hit<'_>| StoredHit::new(hit, NAMES[hits[at(hit)].0].into(), 0);
        let operation = Operation::decide(&Batch::new(&both), NOON, store);
        ActorOperation { operation, hits, is_refund: false }
    }

    /// Reads or writes; returns whether the operations are done.
    fn step(&mut self, server: &mut SimulatedServer) -> bool {
        let Some(decisions) = self.decisions.take() else {
            self.counts.read(server.run(self.counts.read_commands())).unwrap();
            let operations = self.operations.iter().zip(&self.places);
            let decisions = operations.map(|(it, places)| it.operation.run(&mut self.counts, places));
            self.decisions = Some(decisions.collect());
            return false;
        };
        if !self.counts.finish_write(server.run(self.counts.write_commands())).unwrap() {
            return false;
        }
        for (operation, decision) in self.operations.iter().zip(decisions) {
            if !operation.is_refund && decision.is_admitted() {
                let admitted = operation.hits.iter().zip(decision.limits());
                self.admitted.extend(admitted.map(|((at, cost), window)| (*at, *cost, *window)));
            }
        }
        true
    }
}

/// In whatever order the processes read and write, the server's counts are the hits that were admitted and not
/// refunded, and never exceed the limit.
#[test]
fn counts_on_the_server_are_the_admitted_hits() {
    let strategies = Strategy::ALL.into_iter().filter(|it| *it != Strategy::MovingWindow);
    for strategy in strategies {
        let policy = Policy::new(Quota::new(LIMIT, 1, Unit::Year), strategy);
        for seed in 1..400 {
            let mut server = SimulatedServer::default();
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
                let admitted = actors.iter().flat_map(|actor| &actor.admitted).filter(|hit| hit.0 == at);
                let expected: u64 = admitted.map(|hit| hit.1).sum();
                let stored = server.values.get(*name);
                let record = stored.and_then(|(_, text)| CountRecord::parse(&policy, text));
                let left = record.map_or(LIMIT, |record| record.test(&policy, 0, NOON).remaining());
                assert_eq!(LIMIT - left, expected, "{strategy}, seed {seed}: {name}");
            }
        }
    }
}

/// The defect: with a server that returns no versions, a write would overwrite those of other processes.
#[test]
fn a_reply_to_another_command_is_an_error() {
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    let (scope, key) = (Scope::new(["simulated"]), Key::from("somebody"));
    let hit = StoredHit::new(&Hit::new(&scope, &key, &policy), "x".into(), 0);
    let wrong_reads = [vec![], vec![Reply::Done(None)], vec![Reply::Failed("SERVER_ERROR x".into())]];
    for replies in wrong_reads {
        let mut counts = WorkingSet::default();
        counts.place(&hit);
        assert!(counts.read(vec![replies]).is_err());
    }
    for reply in [Reply::Done(None), Reply::NoOp, Reply::Value(1, String::new())] {
        let mut counts = WorkingSet::default();
        counts.place(&hit);
        assert!(counts.finish_write(vec![vec![reply]]).is_err());
    }
}

/// The defect: hits that a lost count was overcharged were refunded to the count that replaced it.
#[test]
fn a_lost_count_is_not_refunded() {
    let policy = Policy::new(Quota::new(LIMIT, 1, Unit::Year), Strategy::FixedWindow);
    let (scope, other, key) = (Scope::new(["x"]), Scope::new(["y"]), Key::from("somebody"));
    let both = [Hit::new(&scope, &key, &policy), Hit::new(&other, &key, &policy)];
    let name = |hit: &Hit<'_>| hit.scope.parts().collect::<String>().into();
    let operation = Operation::decide(&Batch::new(&both), NOON, |hit| StoredHit::new(hit, name(hit), 0));
    let mut counts = WorkingSet::default();
    let places: Vec<_> = operation.hits().iter().map(|hit| counts.place(hit)).collect();
    let used = |used: u64| {
        let mut record = CountRecord::new(&policy);
        assert!(record.hit(&policy, used, NOON).1);
        Reply::Value(7, record.text())
    };
    let half_written = vec![vec![Reply::Done(Some(1))], vec![Reply::Changed]];
    let attempts = [
        // The replies for the first count: to the undo of the last attempt, and to the read.
        vec![Reply::Absent],
        vec![Reply::Changed, used(3)],
        vec![Reply::Absent, Reply::Absent],
        vec![Reply::Absent, used(5)],
    ];
    for replies in attempts {
        counts.read(vec![replies, vec![Reply::Absent]]).unwrap();
        assert!(operation.run(&mut counts, &places).is_admitted());
        assert!(!counts.finish_write(half_written.clone()).unwrap());
    }
    assert_eq!(counts.counts[0].record.test(&policy, 0, NOON).remaining(), LIMIT - 6, "5 and this one");
}
