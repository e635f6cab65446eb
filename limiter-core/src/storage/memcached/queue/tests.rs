use tokio::sync::oneshot;

use super::*;
use crate::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Decision, Hit, memcached::failure::Failure},
};

type Seat = oneshot::Receiver<Result<Decision, Failure>>;

/// A job on these counts, each of which is a letter, and who waits for it.
fn job(counts: &str) -> (Waiting, Seat) {
    let (scope, key) = (Scope::new(["queue"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    let hits: Vec<_> = counts.chars().map(|_| Hit::new(&scope, &key, &policy)).collect();
    let names = std::cell::RefCell::new(counts.chars());
    let name = || names.borrow_mut().next().map(String::from).unwrap_or_default().into();
    let job = Job::decide(&Batch::new(&hits), Timestamp::default(), |hit| Kept::new(hit, name(), 0));
    let (outcome, seat) = oneshot::channel();
    ((job, outcome), seat)
}

fn counts(job: &Waiting) -> String {
    names(job).map(|name| &**name).collect()
}

/// A queue, and the seats of those who have come.
#[derive(Default)]
struct Hall {
    queue: Queue,
    seats: HashMap<String, Seat>,
}

impl Hall {
    /// Tells whether the job goes at once.
    fn arrive(&mut self, counts: &str) -> bool {
        let (job, seat) = job(counts);
        self.seats.insert(counts.to_owned(), seat);
        matches!(self.queue.arrive(job), Place::First(_))
    }

    /// Who goes next.
    fn leave(&mut self, counts: &str) -> String {
        let names: Vec<Arc<str>> = counts.chars().map(|name| name.to_string().into()).collect();
        let next = self.queue.leave(names.iter());
        next.iter().map(self::counts).collect::<Vec<_>>().join(" ")
    }

    fn is_empty(&self) -> bool {
        self.queue.counts.is_empty() && self.queue.waiting.is_empty()
    }
}

#[test]
fn those_who_share_nothing_do_not_wait() {
    let mut hall = Hall::default();
    assert!(hall.arrive("ab") && hall.arrive("cd") && hall.arrive(""));
    assert_eq!(hall.leave("ab"), "");
    assert!(hall.arrive("a"));
    assert_eq!((hall.leave("a"), hall.leave("cd")), (String::new(), String::new()));
    assert!(hall.is_empty());
}

#[test]
fn those_who_wait_for_one_count_go_together() {
    let mut hall = Hall::default();
    assert!(hall.arrive("ga"));
    assert!(!hall.arrive("gb") && !hall.arrive("gc") && !hall.arrive("cd"));
    assert_eq!(hall.leave("ga"), "gb gc cd");
    assert!(!hall.arrive("d"), "it is under way");
    assert_eq!(hall.leave("gbgccd"), "d");
    assert_eq!(hall.leave("d"), "");
    assert!(hall.is_empty());
}

#[test]
fn nobody_is_overtaken() {
    let mut hall = Hall::default();
    assert!(hall.arrive("a") && hall.arrive("b"));
    assert!(!hall.arrive("ab"));
    assert_eq!(hall.leave("b"), "", "its other count is under way");
    assert!(!hall.arrive("bc"), "somebody waits for it");
    assert!(!hall.arrive("c"), "and for that");
    assert_eq!(hall.leave("a"), "ab bc c");
    assert_eq!(hall.leave("abbcc"), "");
    assert!(hall.is_empty());
}

#[test]
fn who_has_given_up_is_left_out() {
    let mut hall = Hall::default();
    assert!(hall.arrive("a"));
    assert!(!hall.arrive("ab") && !hall.arrive("b"));
    hall.seats.remove("ab");
    assert_eq!(hall.leave("a"), "b");
    assert_eq!(hall.leave("b"), "");
    assert!(hall.is_empty());
}

#[test]
fn a_count_may_stand_twice() {
    let mut hall = Hall::default();
    assert!(hall.arrive("aa"));
    assert!(!hall.arrive("aaa"));
    assert_eq!(hall.leave("aa"), "aaa");
    assert_eq!(hall.leave("aaa"), "");
    assert!(hall.is_empty());
}

#[test]
fn there_is_room_for_so_many() {
    let mut queue = Queue::default();
    assert!(matches!(queue.arrive(job("a").0), Place::First(_)));
    let mut seats = Vec::new();
    for _ in 0..MOST_WAITING {
        let (job, seat) = job("a");
        assert!(matches!(queue.arrive(job), Place::Later));
        seats.push(seat);
    }
    assert!(matches!(queue.arrive(job("a").0), Place::None));
    let name: Arc<str> = "a".into();
    assert_eq!(queue.leave([&name].into_iter()).len(), MOST_TOGETHER);
    assert_eq!(queue.waiting.len(), MOST_WAITING - MOST_TOGETHER);
    drop(seats);
    assert_eq!(queue.leave([&name].into_iter()).len(), 0, "they have all gone");
    assert!(queue.counts.is_empty());
}

/// The defect: who was left behind because the group was full waited for ever when nobody wanted a count of that
/// group any more.
#[test]
fn who_found_no_room_in_a_group_goes_with_the_next() {
    let mut queue = Queue::default();
    assert!(matches!(queue.arrive(job("yz").0), Place::First(_)));
    let mut seats = Vec::new();
    for name in std::iter::repeat_n("y", MOST_TOGETHER).chain(["z"]) {
        let (job, seat) = job(name);
        assert!(matches!(queue.arrive(job), Place::Later));
        seats.push(seat);
    }
    let [y, z]: [Arc<str>; 2] = ["y".into(), "z".into()];
    assert_eq!(queue.leave([&y, &z].into_iter()).len(), MOST_TOGETHER);
    assert_eq!(queue.leave(std::iter::repeat_n(&y, MOST_TOGETHER)).len(), 1);
}
