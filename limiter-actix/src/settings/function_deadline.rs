//! The deadlines that async functions may have.

use std::{ops::RangeInclusive, time::Duration};

pub(crate) const FUNCTION_DEADLINES: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(60);
