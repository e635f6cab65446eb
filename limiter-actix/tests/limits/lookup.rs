//! The cache for async functions.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use actix_web::rt::task::yield_now;
use futures_util::future::join_all;
use limiter_actix::{Lookup, LookupError};
use limiter_test_support::{log, play::clock};

/// What the source does next.
#[derive(Clone, Copy)]
enum Source {
    Value(u32),
    Error,
    Panic,
    Never,
}

/// A lookup whose source can be changed, and the number of its calls.
fn changing(first: Source) -> (Lookup<String, u32>, Arc<Mutex<Source>>, Arc<AtomicUsize>) {
    let (source, calls) = (Arc::new(Mutex::new(first)), Arc::new(AtomicUsize::new(0)));
    let (now, counter) = (Arc::clone(&source), Arc::clone(&calls));
    let lookup = Lookup::new(move |_: String| {
        counter.fetch_add(1, SeqCst);
        let now = *now.lock().expect("nobody panicked with it");
        async move {
            yield_now().await;
            match now {
                Source::Value(value) => Ok(value),
                Source::Error => Err("no database"),
                Source::Panic => panic!("no table"),
                Source::Never => pending().await,
            }
        }
    });
    (lookup, source, calls)
}

/// The defect: ten thousand keys, each as long as a header may be, took a gigabyte.
#[actix_web::test]
async fn long_keys_are_not_kept() {
    let (lookup, _, calls) = changing(Source::Value(1));
    assert_eq!(lookup.get("x".repeat(8000).as_str()).await, Ok(1));
    let long = "x".repeat(9000);
    assert_eq!(lookup.get(long.as_str()).await, Err(LookupError::LongKey(8192)));
    assert_eq!(lookup.get(&long).await, Err(LookupError::LongKey(8192)), "of any type");
    assert_eq!((lookup.len(), calls.load(SeqCst)), (1, 1));
}

#[actix_web::test]
async fn a_value_is_kept_while_it_is_fresh() {
    let (time, (lookup, source, calls)) = (clock(), changing(Source::Value(1)));
    let lookup = lookup.time_to_live(Duration::from_secs(10)).clock(Arc::clone(&time) as _);
    assert_eq!(lookup.get("ada").await, Ok(1));
    *source.lock().expect("free") = Source::Value(2);
    time.advance(Duration::from_millis(9_999));
    assert_eq!(lookup.get("ada").await, Ok(1));
    assert_eq!(lookup.get("bob").await, Ok(2), "each key has its own");
    time.advance(Duration::from_millis(1));
    assert_eq!(lookup.get("ada").await, Ok(2));
    assert_eq!(calls.load(SeqCst), 3);
    lookup.forget("ada");
    assert_eq!(lookup.get("ada").await, Ok(2));
    assert_eq!(calls.load(SeqCst), 4);
}

/// Whatever way the source fails, the last value stays, and the source is spared for a second.
#[actix_web::test]
async fn the_last_value_stays_while_the_source_fails() {
    log::capture();
    for failing in [Source::Error, Source::Panic, Source::Never] {
        let (time, (lookup, source, calls)) = (clock(), changing(Source::Value(7)));
        let lookup = lookup.clock(Arc::clone(&time) as _);
        assert_eq!(lookup.get("ada").await, Ok(7));
        *source.lock().expect("free") = failing;
        time.advance(Duration::from_secs(3600));
        for _ in 0..100 {
            assert_eq!(lookup.get("ada").await, Ok(7));
        }
        assert_eq!(calls.load(SeqCst), 2, "the source was asked once more");
        *source.lock().expect("free") = Source::Value(8);
        time.advance(Duration::from_secs(1));
        let mut again = lookup.get("ada").await;
        // On a busy machine, a lookup may be under way for longer than is waited for it.
        while !matches!(failing, Source::Never) && again == Ok(7) {
            time.advance(Duration::from_secs(1));
            again = lookup.get("ada").await;
        }
        // The lookup that never ends is still under way.
        assert_eq!(again, Ok(if matches!(failing, Source::Never) { 7 } else { 8 }));
    }
    let lines = log::here("its last value stays in use");
    assert!(lines.iter().all(|line| line.starts_with("WARN")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("no database")), "{lines:?}");
}

#[actix_web::test]
async fn without_a_last_value_it_is_an_error() {
    let (lookup, source, calls) = changing(Source::Error);
    let text =
        async |lookup: &Lookup<String, u32>| lookup.get("ada").await.map_err(|error| error.to_string());
    assert_eq!(text(&lookup).await, Err("the lookup failed: no database".to_owned()));
    *source.lock().expect("free") = Source::Panic;
    assert_eq!(text(&lookup).await, Err("the lookup failed: it panicked: no table".to_owned()));
    *source.lock().expect("free") = Source::Never;
    let lookup = lookup.deadline(Duration::from_millis(5));
    assert_eq!(text(&lookup).await, Err("the lookup did not answer within 5ms".to_owned()));
    *source.lock().expect("free") = Source::Value(1);
    assert_eq!(text(&lookup).await, Ok(1), "it has no effect on later ones");
    assert_eq!(calls.load(SeqCst), 4);
}

#[actix_web::test]
async fn lookups_of_a_key_at_once_are_one() {
    let (lookup, _, calls) = changing(Source::Value(1));
    let values = join_all((0..100).map(|_| lookup.get("ada"))).await;
    assert!(values.iter().all(|value| *value == Ok(1)));
    assert_eq!(calls.load(SeqCst), 1);
}

#[actix_web::test]
async fn a_flood_of_keys_is_bounded() {
    let (lookup, source, calls) = changing(Source::Value(1));
    let lookup = lookup.capacity(100).max_under_way(10);
    for key in 0..5_000 {
        assert_eq!(lookup.get(&key.to_string()).await, Ok(1));
    }
    assert!(lookup.len() <= 100, "{}", lookup.len());
    *source.lock().expect("free") = Source::Never;
    calls.store(0, SeqCst);
    let keys: Vec<String> = (0..1_000).map(|key| format!("new {key}")).collect();
    let lookup = lookup.deadline(Duration::from_millis(50));
    let errors = join_all(keys.iter().map(|key| lookup.get(key))).await;
    let busy = errors.iter().filter(|error| **error == Err(LookupError::Busy(10))).count();
    assert_eq!((calls.load(SeqCst), busy), (10, 990));
    *source.lock().expect("free") = Source::Value(2);
    assert_eq!(lookup.get("later").await, Ok(2), "those have ended");
}

/// A value that was under way when its key was forgotten may be outdated.
#[actix_web::test]
async fn a_lookup_under_way_leaves_no_forgotten_value() {
    let (lookup, source, calls) = changing(Source::Value(1));
    let other = lookup.clone();
    let first = actix_web::rt::spawn(async move { other.get("ada").await });
    while calls.load(SeqCst) == 0 {
        yield_now().await;
    }
    *source.lock().expect("free") = Source::Value(2);
    lookup.forget("ada");
    assert_eq!(lookup.get("ada").await, Ok(2));
    assert_eq!(first.await.expect("it ends"), Ok(1));
    assert_eq!(lookup.get("ada").await, Ok(2));
    assert_eq!(calls.load(SeqCst), 2);
}

/// The defect: a lookup under way whose key was forgotten went on uncounted, so that more were under way than allowed.
#[actix_web::test]
async fn forgotten_lookups_under_way_are_bounded() {
    let (lookup, source, calls) = changing(Source::Never);
    let lookup = lookup.max_under_way(1).deadline(Duration::from_millis(50));
    let other = lookup.clone();
    let first = actix_web::rt::spawn(async move { other.get("ada").await });
    while calls.load(SeqCst) == 0 {
        yield_now().await;
    }
    lookup.forget("ada");
    assert_eq!(lookup.get("bob").await, Err(LookupError::Busy(1)));
    assert!(first.await.expect("it ends").is_err());
    *source.lock().expect("free") = Source::Value(2);
    assert_eq!(lookup.get("bob").await, Ok(2), "it has ended");
}
