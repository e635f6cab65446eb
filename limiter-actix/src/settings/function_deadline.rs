//! The deadlines that async functions may have.

use std::{ops::RangeInclusive, time::Duration};

/// The deadlines in milliseconds.
pub(crate) const FUNCTION_DEADLINES: RangeInclusive<u64> = 1..=60_000;

pub(crate) fn is_function_deadline(deadline: Duration) -> bool {
    let (least, most) = FUNCTION_DEADLINES.into_inner();
    (Duration::from_millis(least)..=Duration::from_millis(most)).contains(&deadline)
}
