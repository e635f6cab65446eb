//! Whether the clock of this machine is that of the server.

use std::{
    future::Future,
    sync::Once,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use redis::{Cmd, RedisResult, Value};

/// From how much on it is said.
const TOLERANCE: Duration = Duration::from_secs(5);

/// Asks the server for its time.
pub(super) fn time() -> Cmd {
    redis::cmd("TIME")
}

/// Says once when the clocks differ by much. `server` is the answer to [`time`]; what it cannot tell, since the
/// user may not ask or the connection is lost, is not compared.
pub(super) async fn compare(server: impl Future<Output = RedisResult<Value>>) {
    static SAID: Once = Once::new();
    let before = since_epoch();
    let answer = server.await;
    let after = since_epoch();
    let Some(there) = answer.ok().and_then(read) else {
        tracing::debug!("the Redis server did not tell its time, so it was not compared");
        return;
    };
    let Some(ahead_seconds) = ahead(there, before, after) else { return };
    SAID.call_once(|| {
        tracing::warn!(
            code = "S004",
            ahead_seconds,
            "the clock of this machine and that of the storage differ: limits hold, but times of day that \
             clients are told may be wrong; set the clocks by NTP"
        );
    });
}

/// By how many seconds this machine is ahead of the server, whose time it was somewhere between `before` and
/// `after`; none when that is not much.
fn ahead(there: Duration, before: Duration, after: Duration) -> Option<i64> {
    let (ahead, behind) = (before.saturating_sub(there), there.saturating_sub(after));
    let seconds = |by: Duration| i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
    if ahead > TOLERANCE { Some(seconds(ahead)) } else { (behind > TOLERANCE).then(|| -seconds(behind)) }
}

/// Seconds and microseconds, as two texts.
fn read(answer: Value) -> Option<Duration> {
    let (seconds, micros): (u64, u32) = redis::from_redis_value(answer).ok()?;
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros.into())))
}

/// Zero before it.
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_journey_does_not_explain_is_told() {
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
    fn the_time_is_read_as_servers_write_it() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let time = read(Value::Array(vec![text("1700000000"), text("250000")]));
        assert_eq!(time, Some(Duration::from_millis(1_700_000_000_250)));
        for none in [Value::Okay, Value::Array(vec![]), Value::Array(vec![text("x"), text("0")])] {
            assert_eq!(read(none), None);
        }
    }
}
