//! For how long the server keeps a count.

use std::time::SystemTime;

use crate::Timestamp;

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 24 * 60 * 60;

/// The longest lifetime that the server takes for one. It takes more for a date: seconds since 1970.
const LONGEST: u64 = 30 * DAY;

/// The last date that the server knows.
const LAST_DATE: u64 = (1 << 31) - 1;

/// The server counts whole seconds and may be up to one early; and one to spare.
const SPARE: u64 = 2;

/// Its clock may be up to this much ahead of ours before it lets go of a count that is kept by date.
const SPARE_WITH_DATE: u64 = DAY;

/// No end: the count goes when the server needs the room.
const ENDLESS: u64 = 0;

/// What tells the server to keep something for at least `nanos` nanoseconds.
pub(super) fn lifetime(nanos: u64) -> u64 {
    // The clock of the wall, whatever the time of the decision: the server knows no other.
    let today = Timestamp::from(SystemTime::now()).as_secs_ceil();
    lifetime_on(today, nanos)
}

fn lifetime_on(today: u64, nanos: u64) -> u64 {
    let seconds = nanos.div_ceil(SECOND) + SPARE;
    if seconds <= LONGEST {
        return seconds;
    }
    let date = today.saturating_add(seconds).saturating_add(SPARE_WITH_DATE);
    if date <= LAST_DATE { date } else { ENDLESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defect: a lifetime over 30 days is taken for a date in 1970, and the count is gone at once.
    #[test]
    fn a_long_lifetime_is_a_date() {
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
            ((LAST_DATE - today - 2 - DAY) * SECOND, LAST_DATE),
            ((LAST_DATE - today - 1 - DAY) * SECOND, ENDLESS),
            (u64::MAX, ENDLESS),
        ];
        for (nanos, expected) in table {
            assert_eq!(lifetime_on(today, nanos), expected, "{nanos}");
        }
    }
}
