//! A client of a storage that may fail, for the tests of all storages on other machines.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures_util::future::join_all;
use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    storage::{Batch, Hit, Resilient, Storage, StorageError},
};

/// The time that an answer may take beyond the deadline of 100 ms. A busy machine sets a hundred deadlines one after the
/// other. If each hit waited for the one before, they would take ten seconds.
const BEYOND: Duration = Duration::from_secs(1);
const AT_ONCE: Duration = Duration::from_millis(5);
/// The deadline of a hit that must be answered, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Servers that elect a primary on a busy machine take tens of seconds.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(180);

/// Makes sure that an answer comes within the deadline, next to a mere sleep of that length: so a machine that
/// is busy elsewhere delays both.
pub(crate) async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let sleep = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        start.elapsed()
    };
    let answer = async { (answer.await, start.elapsed()) };
    let (slept, (answer, answered)) = tokio::join!(sleep, answer);
    assert!(answered < slept + BEYOND, "it took {answered:?}, when 100 ms took {slept:?}");
    answer
}

/// Returns whether a hit took longer than its deadline, or else its error came from elsewhere.
pub(crate) fn is_overdue(error: &StorageError) -> bool {
    error.to_string().contains("in time")
}

/// One client under limits of all kinds, which are so large that they never refuse.
///
/// It has two deadlines before one storage: a hit that must be answered has time for it, and one that cannot be fails as
/// soon as in an application.
pub(crate) struct Client<S> {
    patient: Resilient<Arc<S>>,
    prompt: Resilient<Arc<S>>,
    scope: Scope,
    key: Key,
    policies: Vec<Policy>,
}

/// The amount of each limit.
const AMOUNT: u64 = 1_000_000;

/// Returns a plain limit, a calendar window, a metered limit, and one that keeps what was used.
///
/// A server without scripts changes one count after the other. There, one limit is of all kinds, so that no fault parts
/// them.
fn policies(storage: &impl Storage) -> Vec<Policy> {
    let daily = || Policy::new(Quota::per_day(AMOUNT), Strategy::FixedWindow);
    let calendar = || Policy::new(Quota::new(AMOUNT, 1, Unit::CalendarYear), Strategy::FixedWindow);
    let moving = Policy::new(Quota::per_day(1), Strategy::MovingWindow);
    if storage.check(&moving).is_err() {
        return vec![calendar().with_metered(true).with_keep_used(true)];
    }
    vec![daily(), calendar(), daily().with_metered(true), daily().with_keep_used(true)]
}

impl<S: Storage + 'static> Client<S> {
    pub(crate) fn new(storage: S) -> Self {
        let storage = Arc::new(storage);
        Self {
            policies: policies(&storage),
            patient: Resilient::new(Arc::clone(&storage)).deadline(PATIENCE),
            prompt: Resilient::new(storage),
            scope: Scope::new(["faults"]),
            key: Key::from("somebody"),
        }
    }

    /// The same as another client.
    pub(crate) fn of(self, key: Key) -> Self {
        Self { key, ..self }
    }

    /// Hits once, with time for an answer; returns how much has been used so far.
    pub(crate) async fn hit(&self) -> Result<u64, StorageError> {
        self.ask(&self.patient, 1).await
    }

    /// Hits once, within the default deadline; returns how much has been used so far.
    pub(crate) async fn try_hit(&self) -> Result<u64, StorageError> {
        in_time(self.ask(&self.prompt, 1)).await
    }

    /// Hits so often at once, within the default deadline.
    pub(crate) async fn try_at_once(&self, times: u64) -> Vec<Result<u64, StorageError>> {
        in_time(join_all((0..times).map(|_| self.ask(&self.prompt, 1)))).await
    }

    /// Returns how much has been used so far.
    pub(crate) async fn used(&self) -> u64 {
        self.ask(&self.patient, 0).await.unwrap()
    }

    /// Returns how much of each limit has been used. A fault must not part them.
    async fn ask(&self, storage: &Resilient<Arc<S>>, cost: u64) -> Result<u64, StorageError> {
        let hits: Vec<_> =
            self.policies.iter().map(|it| Hit::new(&self.scope, &self.key, it).cost(cost)).collect();
        let now = Timestamp::from(SystemTime::now());
        let decision = storage.decide(&Batch::new(&hits), now).await?;
        let used: Vec<_> = decision.limits().iter().map(|window| AMOUNT - window.remaining()).collect();
        assert_eq!(used, vec![used[0]; hits.len()], "all limits have counted the same hits");
        Ok(used[0])
    }

    /// Hits until the breaker opens; returns how often.
    pub(crate) async fn fail(&self) -> u64 {
        let mut times = 0;
        while !self.prompt.is_open() {
            self.try_hit().await.expect_err("the server cannot be asked");
            times += 1;
        }
        assert_eq!(times, 3);
        let mut answers = [Duration::ZERO; 100];
        for answer in &mut answers {
            let start = Instant::now();
            assert!(self.ask(&self.prompt, 1).await.is_err());
            *answer = start.elapsed();
        }
        answers.sort();
        // A busy machine holds up a few of them.
        assert!(answers[50] < AT_ONCE, "{:?} is the median", answers[50]);
        times
    }

    /// Waits until the breakers close. No request is made meanwhile.
    pub(crate) async fn recover(&self) {
        let start = Instant::now();
        while self.prompt.is_open() || self.patient.is_open() {
            assert!(start.elapsed() < FOR_EVER, "it is left alone for ever");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
