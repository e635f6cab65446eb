//! The deadline and the breaker.

use std::{num::NonZeroU32, sync::atomic::Ordering::Relaxed, time::Duration};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, Resilient, Storage, StorageError},
};
use tokio::time::{Instant, sleep};

use crate::{NOON, log::LogCapture, wrappers::storage::Far};

fn resilient() -> Resilient<Far> {
    Resilient::new(Far::default())
}

async fn hit(storage: &Resilient<Far>) -> Result<(), StorageError> {
    let (scope, key) = (Scope::new(["resilient"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_day(1000), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    storage.decide(&Batch::new(&hits), Timestamp::default()).await.map(drop)
}

fn fail(storage: &Resilient<Far>, is_failing: bool) {
    storage.storage().is_failing.store(is_failing, Relaxed);
}

/// The clock of these tests moves by itself while nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn only_faults_in_a_row_open_the_breaker() {
    let storage = resilient();
    for _ in 0..5 {
        fail(&storage, true);
        for _ in 0..2 {
            assert!(hit(&storage).await.is_err());
        }
        fail(&storage, false);
        assert!(hit(&storage).await.is_ok());
    }
    assert!(!storage.is_open());
    fail(&storage, true);
    for number in 1..=5 {
        let error = hit(&storage).await.expect_err("it fails");
        assert_eq!(error.is_of_call(), number <= 3, "{error}");
        assert_eq!(storage.is_open(), number >= 3);
    }
}

#[tokio::test(start_paused = true)]
async fn the_breaker_opens_after_the_configured_failures() {
    let storage = resilient().failures(NonZeroU32::MIN);
    fail(&storage, true);
    assert!(hit(&storage).await.is_err());
    assert!(storage.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_missing_answer_is_an_error_after_100_ms() {
    let storage = resilient();
    storage.storage().is_mute.store(true, Relaxed);
    let start = Instant::now();
    assert!(hit(&storage).await.is_err());
    let took = start.elapsed();
    assert!((Duration::from_millis(100)..Duration::from_millis(110)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_fails_at_once_without_a_query() {
    let storage = resilient();
    storage.storage().is_mute.store(true, Relaxed);
    while !storage.is_open() {
        assert!(hit(&storage).await.is_err());
    }
    let (start, asked) = (Instant::now(), storage.storage().decided());
    for _ in 0..100 {
        assert!(hit(&storage).await.is_err());
    }
    assert_eq!((start.elapsed(), storage.storage().decided()), (Duration::ZERO, asked));
}

/// No request is made meanwhile.
#[tokio::test(start_paused = true)]
async fn an_open_breaker_probes_at_growing_pauses_until_there_is_an_answer() {
    let storage = resilient();
    fail(&storage, true);
    while !storage.is_open() {
        assert!(hit(&storage).await.is_err());
    }
    let (start, mut probes) = (Instant::now(), Vec::<Duration>::new());
    while start.elapsed() < Duration::from_secs(25) {
        sleep(Duration::from_millis(10)).await;
        if storage.storage().probed() > probes.len() as u64 {
            probes.push(start.elapsed());
        }
    }
    let pause = |pair: &[Duration]| pair[1].saturating_sub(pair[0]).as_millis() / 20 * 20;
    let pauses: Vec<_> = probes.windows(2).map(pause).collect();
    assert!(probes[0] <= Duration::from_millis(110), "{probes:?}");
    assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000, 5000], "{probes:?}");
    assert!(storage.is_open());

    fail(&storage, false);
    let asked = storage.storage().decided();
    sleep(Duration::from_secs(6)).await;
    assert!(!storage.is_open());
    assert_eq!(storage.storage().decided(), asked, "no request was made to find out");
    let until_it_answered = storage.storage().probed();
    assert!(hit(&storage).await.is_ok());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(storage.storage().probed(), until_it_answered, "what answers is not probed");
}

#[tokio::test(start_paused = true)]
async fn opening_and_closing_are_logged_once_each() {
    let (log, storage) = (LogCapture::begin(), resilient());
    fail(&storage, true);
    for _ in 0..50 {
        assert!(hit(&storage).await.is_err());
    }
    let said = log.take();
    assert_eq!(said.len(), 1, "{said:?}");
    for part in ["WARN", "S001", "it cannot be reached: no route", "failures=3"] {
        assert!(said[0].contains(part), "{said:?}");
    }
    fail(&storage, false);
    sleep(Duration::from_secs(1)).await;
    assert!(hit(&storage).await.is_ok());
    let said = log.take();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("WARN") && said[0].contains("S002"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn single_faults_are_not_logged() {
    let (log, storage) = (LogCapture::begin(), resilient());
    fail(&storage, true);
    assert!(hit(&storage).await.is_err());
    fail(&storage, false);
    assert!(hit(&storage).await.is_ok());
    assert_eq!(log.take(), Vec::<String>::new());
}

/// The defect: asking three times for a reset that a storage does not have made limits fail.
#[tokio::test(start_paused = true)]
async fn a_reset_that_fails_does_not_open_the_breaker() {
    let storage = resilient();
    fail(&storage, true);
    for _ in 0..10 {
        assert!(storage.reset().await.is_err());
    }
    assert!(!storage.is_open());
}

/// A user of the server that may not use the key of the bans can still decide.
#[tokio::test(start_paused = true)]
async fn notes_that_fail_do_not_open_the_breaker() {
    let storage = resilient();
    fail(&storage, true);
    for _ in 0..10 {
        assert!(storage.notes("bans", None, NOON).await.is_err());
    }
    assert!(!storage.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_call_about_notes_has_a_second() {
    let storage = resilient();
    storage.storage().is_mute.store(true, Relaxed);
    let before = Instant::now();
    assert!(storage.notes("bans", None, NOON).await.is_err());
    assert_eq!(before.elapsed(), Duration::from_secs(1));
}
