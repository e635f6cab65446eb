//! Calendar windows on a server with a clock of its own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::FixedOffset;
use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, Storage},
};

use crate::server::Database;

const DAY: i64 = 86_400;
const HOUR: Duration = Duration::from_secs(3600);

/// The defect: a window that has already ended by the clock of the server counts nothing, and one that ends too late
/// shuts clients out.
pub(crate) async fn a_day_ends_by_the_clock_of_the_server<D: Database>() {
    let server = D::start();
    let storage = server.storage();
    let scope = Scope::new(["calendar"]);
    let (policy, midnight) = half_an_hour_before_midnight();
    let clocks = [slow as fn(Timestamp) -> Timestamp, |now| now, |now| now.after(HOUR)];
    for (number, clock) in clocks.into_iter().enumerate() {
        let key = Key::from(format!("client {number}"));
        let hits = [Hit::new(&scope, &key, &policy)];
        for admitted in [true, true, false] {
            let before = since_epoch();
            let decision = storage.decide(&Batch::new(&hits), clock(timestamp(before))).await.unwrap();
            let after = since_epoch();
            assert_eq!(decision.is_admitted(), admitted, "clock {number}");
            let window = decision.limits()[0];
            // A server counts whole milliseconds, or microseconds.
            let (least, most) =
                (midnight.saturating_sub(after), midnight.saturating_sub(before) + Duration::from_millis(1));
            assert!((least..=most).contains(&window.reset()), "clock {number}: {window:?}");
            assert_eq!(window.retry_after(), (!admitted).then_some(window.reset()));
        }
    }
}

/// Processes whose clocks are on either side of midnight share the day of the server.
pub(crate) async fn clocks_two_hours_apart_share_a_day<D: Database>() {
    let server = D::start();
    let nodes = [server.storage(), server.storage()];
    let (scope, key) = (Scope::new(["calendar"]), Key::from("somebody"));
    let (policy, _) = half_an_hour_before_midnight();
    let hits = [Hit::new(&scope, &key, &policy)];
    let mut admitted = 0;
    for turn in 0..10 {
        let now = timestamp(since_epoch());
        let now = if turn % 2 == 0 { slow(now) } else { now.after(HOUR) };
        admitted += u32::from(nodes[turn % 2].decide(&Batch::new(&hits), now).await.unwrap().is_admitted());
    }
    assert_eq!(admitted, 2);
}

/// Returns a policy of two in each day of a zone, where it is about half past eleven at night, and the time of its
/// midnight.
fn half_an_hour_before_midnight() -> (Policy, Duration) {
    let now = i64::try_from(since_epoch().as_secs()).unwrap();
    let midnight = now + 1800;
    let ahead = -midnight.rem_euclid(DAY);
    let ahead = if ahead < -DAY / 2 { ahead + DAY } else { ahead };
    let zone = FixedOffset::east_opt(ahead.try_into().unwrap()).unwrap();
    let policy = Policy::new(Quota::per_calendar_day(2), Strategy::FixedWindow);
    (policy.with_time_zone(zone.into()), Duration::from_secs(midnight.try_into().unwrap()))
}

/// A clock that is an hour behind.
fn slow(now: Timestamp) -> Timestamp {
    Timestamp::from_nanos(now.as_nanos() - 3_600_000_000_000)
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn timestamp(since_epoch: Duration) -> Timestamp {
    Timestamp::default().after(since_epoch)
}
