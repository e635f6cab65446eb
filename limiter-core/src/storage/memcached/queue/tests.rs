use tokio::sync::oneshot;

use super::*;
use crate::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, memcached::stored_hit::StoredHit},
};

type DecisionReceiver = oneshot::Receiver<Result<Decision, MemcachedError>>;

/// Returns an operation on these counts, each of which is a letter.
fn operation(counts: &str) -> (QueuedOperation, DecisionReceiver) {
    let (scope, key) = (Scope::new(["queue"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    let hits: Vec<_> = counts.chars().map(|_| Hit::new(&scope, &key, &policy)).collect();
    let names = std::cell::RefCell::new(counts.chars());
    let name = || names.borrow_mut().next().map(String::from).unwrap_or_default().into();
    let operation =
        Operation::decide(&Batch::new(&hits), Timestamp::default(), |hit| StoredHit::new(hit, name(), 0));
    let (sender, receiver) = oneshot::channel();
    ((operation, sender), receiver)
}

fn counts(operation: &QueuedOperation) -> String {
    keys(operation).map(|key| &**key).collect()
}

/// A queue, and the requests of its operations.
#[derive(Default)]
struct TestQueue {
    queue: Queue,
    requests: HashMap<String, DecisionReceiver>,
}

impl TestQueue {
    /// Returns whether the operation starts at once.
    fn arrive(&mut self, counts: &str) -> bool {
        let (operation, receiver) = operation(counts);
        self.requests.insert(counts.to_owned(), receiver);
        matches!(self.queue.arrive(operation), Arrival::Start(_))
    }

    /// Returns the counts of the operations that start.
    fn leave(&mut self, counts: &str) -> String {
        let keys: Vec<Arc<str>> = counts.chars().map(|key| key.to_string().into()).collect();
        let next = self.queue.leave(keys.iter());
        next.iter().map(self::counts).collect::<Vec<_>>().join(" ")
    }

    fn is_empty(&self) -> bool {
        self.queue.counts.is_empty() && self.queue.waiting.is_empty()
    }
}

#[test]
fn operations_without_a_common_count_do_not_wait() {
    let mut queue = TestQueue::default();
    assert!(queue.arrive("ab") && queue.arrive("cd") && queue.arrive(""));
    assert_eq!(queue.leave("ab"), "");
    assert!(queue.arrive("a"));
    assert_eq!((queue.leave("a"), queue.leave("cd")), (String::new(), String::new()));
    assert!(queue.is_empty());
}

#[test]
fn operations_that_wait_for_one_count_run_together() {
    let mut queue = TestQueue::default();
    assert!(queue.arrive("ga"));
    assert!(!queue.arrive("gb") && !queue.arrive("gc") && !queue.arrive("cd"));
    assert_eq!(queue.leave("ga"), "gb gc cd");
    assert!(!queue.arrive("d"), "it is in use");
    assert_eq!(queue.leave("gbgccd"), "d");
    assert_eq!(queue.leave("d"), "");
    assert!(queue.is_empty());
}

#[test]
fn no_operation_is_overtaken() {
    let mut queue = TestQueue::default();
    assert!(queue.arrive("a") && queue.arrive("b"));
    assert!(!queue.arrive("ab"));
    assert_eq!(queue.leave("b"), "", "its other count is in use");
    assert!(!queue.arrive("bc"), "an earlier operation waits for it");
    assert!(!queue.arrive("c"), "and for that");
    assert_eq!(queue.leave("a"), "ab bc c");
    assert_eq!(queue.leave("abbcc"), "");
    assert!(queue.is_empty());
}

#[test]
fn operations_of_dropped_requests_are_skipped() {
    let mut queue = TestQueue::default();
    assert!(queue.arrive("a"));
    assert!(!queue.arrive("ab") && !queue.arrive("b"));
    queue.requests.remove("ab");
    assert_eq!(queue.leave("a"), "b");
    assert_eq!(queue.leave("b"), "");
    assert!(queue.is_empty());
}

#[test]
fn an_operation_may_use_a_count_twice() {
    let mut queue = TestQueue::default();
    assert!(queue.arrive("aa"));
    assert!(!queue.arrive("aaa"));
    assert_eq!(queue.leave("aa"), "aaa");
    assert_eq!(queue.leave("aaa"), "");
    assert!(queue.is_empty());
}

#[test]
fn the_queue_is_bounded() {
    let mut queue = Queue::default();
    assert!(matches!(queue.arrive(operation("a").0), Arrival::Start(_)));
    let mut requests = Vec::new();
    for _ in 0..MAX_WAITING {
        let (operation, receiver) = operation("a");
        assert!(matches!(queue.arrive(operation), Arrival::Queued));
        requests.push(receiver);
    }
    assert!(matches!(queue.arrive(operation("a").0), Arrival::Full));
    let key: Arc<str> = "a".into();
    assert_eq!(queue.leave([&key].into_iter()).len(), MAX_TOGETHER);
    assert_eq!(queue.waiting.len(), MAX_WAITING - MAX_TOGETHER);
    drop(requests);
    assert_eq!(queue.leave([&key].into_iter()).len(), 0, "all requests were dropped");
    assert!(queue.counts.is_empty());
}

/// The defect: an operation that found its round full waited for ever if no operation of that round shared a count
/// with it.
#[test]
fn an_operation_that_finds_a_round_full_runs_in_the_next() {
    let mut queue = Queue::default();
    assert!(matches!(queue.arrive(operation("yz").0), Arrival::Start(_)));
    let mut requests = Vec::new();
    for name in std::iter::repeat_n("y", MAX_TOGETHER).chain(["z"]) {
        let (operation, receiver) = operation(name);
        assert!(matches!(queue.arrive(operation), Arrival::Queued));
        requests.push(receiver);
    }
    let [y, z]: [Arc<str>; 2] = ["y".into(), "z".into()];
    assert_eq!(queue.leave([&y, &z].into_iter()).len(), MAX_TOGETHER);
    assert_eq!(queue.leave(std::iter::repeat_n(&y, MAX_TOGETHER)).len(), 1);
}

/// The defect: requests that one client drops at once leave no room for those of others.
#[test]
fn dropped_requests_do_not_fill_the_queue() {
    let mut queue = Queue::default();
    assert!(matches!(queue.arrive(operation("a").0), Arrival::Start(_)));
    for _ in 0..10 * MAX_WAITING {
        assert!(matches!(queue.arrive(operation("a").0), Arrival::Queued));
        assert!(queue.waiting.len() <= MAX_WAITING);
    }
    let (last, _request) = operation("ab");
    assert!(matches!(queue.arrive(last), Arrival::Queued));
    let key: Arc<str> = "a".into();
    assert_eq!(queue.leave([&key].into_iter()).len(), 1, "only the last one is still awaited");
}

/// The defect: each request on a count of its own began a round, however many there were already.
#[test]
fn rounds_are_bounded() {
    let mut queue = Queue::default();
    let name = |number: u32| Arc::<str>::from(char::from_u32(0x1000 + number).unwrap().to_string());
    let max_rounds = u32::try_from(MAX_ROUNDS).unwrap();
    let mut requests = Vec::new();
    for number in 0..2 * max_rounds {
        let (operation, request) = operation(&name(number));
        let starts = matches!(queue.arrive(operation), Arrival::Start(_));
        assert_eq!(starts, number < max_rounds, "{number}");
        requests.push(request);
    }
    // The others run together in the next rounds of those that end.
    let mut running: VecDeque<_> = (0..max_rounds).map(|number| vec![name(number)]).collect();
    let mut rounds = 0;
    while let Some(keys) = running.pop_front() {
        let next = queue.leave(keys.iter());
        rounds += 1;
        if !next.is_empty() {
            running.push_back(next.iter().flat_map(keys_of).collect());
        }
    }
    assert_eq!((queue.rounds, queue.waiting.len(), queue.counts.len()), (0, 0, 0));
    assert_eq!(rounds, MAX_ROUNDS + MAX_ROUNDS.div_ceil(MAX_TOGETHER));
}

fn keys_of(operation: &QueuedOperation) -> Vec<Arc<str>> {
    keys(operation).cloned().collect()
}
