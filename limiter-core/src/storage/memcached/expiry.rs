//! Computes the expiry of a count in the units of the server.

use std::time::SystemTime;

use crate::Timestamp;

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 24 * 60 * 60;

/// The longest relative expiry in seconds. The server treats larger numbers as a date: seconds since 1970.
const MAX_RELATIVE: u64 = 30 * DAY;

/// The last date that the server supports.
const MAX_DATE: u64 = (1 << 31) - 1;

/// Extra seconds for a relative expiry. The server counts whole seconds and may be one early.
const SLACK: u64 = 2;

/// Extra seconds for a date, since the server's clock may be ahead of ours.
const DATE_SLACK: u64 = DAY;

/// The count has no expiry: the server evicts it when it needs the memory.
const NEVER: u64 = 0;

/// Returns the `exptime` argument with which the server stores a count for at least `nanos` nanoseconds.
pub(super) fn exptime(nanos: u64) -> u64 {
    // The wall clock, whatever the time of the decision: the server uses no other.
    let today = Timestamp::from(SystemTime::now()).as_secs_ceil();
    exptime_on(today, nanos)
}

fn exptime_on(today: u64, nanos: u64) -> u64 {
    let seconds = nanos.div_ceil(SECOND) + SLACK;
    if seconds <= MAX_RELATIVE {
        return seconds;
    }
    let date = today.saturating_add(seconds).saturating_add(DATE_SLACK);
    if date <= MAX_DATE { date } else { NEVER }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defect: an expiry of more than 30 days was read as a date in 1970, and the count was gone at once.
    #[test]
    fn a_long_expiry_is_a_date() {
        let today = 1_795_000_000;
        let table = [
            (0, 2),
            (1, 3),
            (SECOND, 3),
            (60 * SECOND, 62),
            ((30 * DAY - 2) * SECOND, 30 * DAY),
            ((30 * DAY - 2) * SECOND + 1, today + 30 * DAY + 1 + DAY),
            (30 * DAY * SECOND, today + 30 * DAY + 2 + DAY),
            (360 * DAY * SECOND, today + 360 * DAY + 2 + DAY),
            ((MAX_DATE - today - 2 - DAY) * SECOND, MAX_DATE),
            ((MAX_DATE - today - 1 - DAY) * SECOND, NEVER),
            (u64::MAX, NEVER),
        ];
        for (nanos, expected) in table {
            assert_eq!(exptime_on(today, nanos), expected, "{nanos}");
        }
    }
}
