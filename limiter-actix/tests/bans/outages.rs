//! Bans of other processes, and what becomes of them while the storage fails.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use actix_web::rt::time::sleep;
use limiter_actix::{
    BanError, Limiter, OnStorageFailure,
    storage::{MemoryStorage, Storage},
};
use limiter_test_support::{log, storages::StorageKind};

use crate::{HOUR, app, get_from, storages::Far};

const ALICE: &str = "192.0.2.1";

fn alice() -> IpAddr {
    ALICE.parse().expect("an address")
}

fn limiter(storage: &Arc<Far>) -> Limiter {
    static NUMBER: AtomicUsize = AtomicUsize::new(1000);
    // Limiters of one line that look alike would be one.
    let limit = format!("{}/second", NUMBER.fetch_add(1, Relaxed));
    let storage: Arc<dyn Storage> = Arc::clone(storage) as _;
    let builder = Limiter::builder().storage(storage).on_storage_failure(OnStorageFailure::Allow);
    builder.application_limits(limit).build().expect("a limiter")
}

/// Waits until a request of this status comes back. The bound is far beyond the two seconds that it takes.
macro_rules! await_status {
    ($app:expr, $status:expr) => {
        for attempt in 0.. {
            if get_from($app, ALICE).await == $status {
                break;
            }
            assert!(attempt < 600, "not within a minute");
            sleep(Duration::from_millis(100)).await;
        }
    };
}

#[actix_web::test]
async fn another_process_has_bans_and_their_ends() {
    let server = Arc::new(MemoryStorage::new());
    let (here, there) = (limiter(&Far::to(&server)), limiter(&Far::to(&server)));
    let (app_here, app_there) = (app(&here).await, app(&there).await);
    here.ban(alice(), HOUR, "").await.expect("a ban");
    assert_eq!(get_from(&app_here, ALICE).await, 403, "here it is at once");
    await_status!(&app_there, 403);
    assert_eq!(there.bans().await.expect("bans").len(), 1);
    assert!(there.unban(alice()).await.expect("no ban"));
    assert_eq!(get_from(&app_there, ALICE).await, 200, "there it ends at once");
    await_status!(&app_here, 200);
}

/// The defect: limiters of one storage on another machine had a list each.
#[actix_web::test]
async fn limiters_of_one_storage_have_the_bans_of_each_other_at_once() {
    let storage = Far::to(&Arc::new(MemoryStorage::new()));
    let (one, other) = (limiter(&storage), limiter(&storage));
    let app = app(&other).await;
    // It has read them once.
    sleep(Duration::from_millis(100)).await;
    one.ban(alice(), HOUR, "").await.expect("a ban");
    assert_eq!(get_from(&app, ALICE).await, 403);
}

#[actix_web::test]
async fn a_process_that_starts_later_has_earlier_bans() {
    let server = Arc::new(MemoryStorage::new());
    limiter(&Far::to(&server)).ban(alice(), HOUR, "").await.expect("a ban");
    let later = limiter(&Far::to(&server));
    let app = app(&later).await;
    await_status!(&app, 403);
}

#[actix_web::test]
async fn known_bans_stay_while_the_storage_fails() {
    log::capture();
    let before = log::here("L041").len();
    let server = Arc::new(MemoryStorage::new());
    let connection = Far::to(&server);
    let limiter = limiter(&connection);
    let app = app(&limiter).await;
    limiter.ban(alice(), HOUR, "").await.expect("a ban");
    connection.is_failing.store(true, Relaxed);
    for _ in 0..30 {
        assert_eq!(get_from(&app, ALICE).await, 403);
        sleep(Duration::from_millis(100)).await;
    }
    let error = limiter.ban(alice(), HOUR, "").await.expect_err("it is gone");
    assert!(matches!(error, BanError::Storage(_)), "{error}");
    assert!(limiter.unban(alice()).await.is_err());
    assert!(limiter.bans().await.is_err());
    assert_eq!(get_from(&app, ALICE).await, 403, "a ban that could not be ended holds");
    let lines = log::here("L041").split_off(before);
    assert_eq!(lines.len(), 1, "an outage is logged once: {lines:?}");
    assert!(lines[0].contains("the server is gone"), "{lines:?}");

    connection.is_failing.store(false, Relaxed);
    assert!(limiter.unban(alice()).await.expect("no ban"));
    assert_eq!(get_from(&app, ALICE).await, 200);
}

#[actix_web::test]
async fn storages_that_keep_no_bans_say_so() {
    let limiter = StorageKind::Failing.set(Limiter::builder()).build().expect("a limiter");
    let error = limiter.ban(alice(), HOUR, "").await.expect_err("it keeps none");
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(cause.contains("keeps no notes"), "{cause}");
    assert!(limiter.bans().await.is_err());
}

/// A ban is of one process and storage; a read that began before it does not undo it.
#[actix_web::test]
async fn many_changes_leave_the_last_one() {
    let server = Arc::new(MemoryStorage::new());
    let limiter = limiter(&Far::to(&server));
    let app = app(&limiter).await;
    for _ in 0..20 {
        limiter.ban(alice(), HOUR, "").await.expect("a ban");
        assert_eq!(get_from(&app, ALICE).await, 403);
        assert!(limiter.unban(alice()).await.expect("no ban"));
        assert_eq!(get_from(&app, ALICE).await, 200);
    }
}

/// A tool without a runtime of actix bans in memory, where nothing is awaited.
#[test]
fn bans_in_memory_need_no_runtime() {
    let limiter = Limiter::default();
    let done = futures_util::FutureExt::now_or_never(limiter.ban(alice(), HOUR, ""));
    assert!(matches!(done, Some(Ok(()))));
}
