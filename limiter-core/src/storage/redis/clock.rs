//! A comparison of this machine's clock with that of the server.

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use redis::{RedisResult, Value};

use crate::log::{Throttle, event};

/// The smallest difference that is logged.
const MIN_SKEW: Duration = Duration::from_secs(5);

/// Logs once per process if the clocks differ by much.
///
/// `server_time` sends `TIME` to the server. If it fails, because the user lacks the permission or the connection is
/// lost, nothing is compared.
pub(super) async fn compare(server_time: impl Future<Output = RedisResult<Value>>) {
    static LOGGED: Throttle = Throttle::once("S004");
    static FAILED: Throttle = Throttle::new(None, Throttle::MAX, Throttle::INTERVAL);
    let before = since_epoch();
    let answer = server_time.await;
    let after = since_epoch();
    let Some(there) = answer.ok().and_then(parse) else {
        event!(FAILED.permit_now(), DEBUG, "clocks not compared: the Redis server did not return its time");
        return;
    };
    let Some(ahead_seconds) = ahead(there, before, after) else { return };
    event!(
        LOGGED.permit_now(),
        WARN,
        ahead_seconds = ahead_seconds,
        "clocks of this machine and of the storage differ: limits hold, but times of day in responses may be \
         wrong; set the clocks by NTP"
    );
}

/// Returns by how many seconds this machine is ahead of the server, or `None` if that is not much.
///
/// The server read its clock between `before` and `after`.
fn ahead(there: Duration, before: Duration, after: Duration) -> Option<i64> {
    let (ahead, behind) = (before.saturating_sub(there), there.saturating_sub(after));
    let seconds = |by: Duration| i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
    if ahead > MIN_SKEW { Some(seconds(ahead)) } else { (behind > MIN_SKEW).then(|| -seconds(behind)) }
}

/// Parses the answer of `TIME`: seconds and microseconds, as two texts.
pub(super) fn parse(answer: Value) -> Option<Duration> {
    let (seconds, micros): (u64, u32) = redis::from_redis_value(answer).ok()?;
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros.into())))
}

/// Returns the time since the epoch, or zero before it.
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_difference_beyond_the_round_trip_is_reported() {
        for (there, before, after, expected) in [
            (100, 100, 100, None),
            (100, 105, 105, None),
            (100, 106, 106, Some(6)),
            (100, 106, 200, Some(6)),
            (100, 95, 95, None),
            (100, 94, 94, Some(-6)),
            (100, 0, 94, Some(-6)),
            (100, 50, 150, None),
            (100, 104, 200, None),
            (u64::MAX, 0, 0, Some(-i64::MAX)),
            (0, u64::MAX, u64::MAX, Some(i64::MAX)),
        ] {
            let [there_s, before_s, after_s] = [there, before, after].map(Duration::from_secs);
            assert_eq!(ahead(there_s, before_s, after_s), expected, "{there} {before} {after}");
        }
    }

    #[test]
    fn the_time_is_parsed_as_servers_write_it() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let time = parse(Value::Array(vec![text("1700000000"), text("250000")]));
        assert_eq!(time, Some(Duration::from_millis(1_700_000_000_250)));
        for none in [Value::Okay, Value::Array(vec![]), Value::Array(vec![text("x"), text("0")])] {
            assert_eq!(parse(none), None);
        }
    }
}
