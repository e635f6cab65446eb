//! What clients read: refusals and headers.

use std::sync::Arc;

use limiter_actix::{Limiter, LimiterBuilder, ManualClock, Timestamp};

mod accept;
mod after_admission;
mod around;
mod bodies;
mod clients;
mod custom;
mod fields;
mod log;
mod partitions;
mod problem;
mod ratelimit;
mod retry_after;
mod x_ratelimit;

/// When these tests take place, in seconds since the Unix epoch: Wed, 15 Nov 2023 00:00:00 GMT.
const START: u64 = 1_700_006_400;

/// A limiter for which time stands still.
fn limiter() -> LimiterBuilder {
    limiter_at(&Arc::new(ManualClock::new(Timestamp::from_millis(START * 1000))))
}

fn limiter_at(clock: &Arc<ManualClock>) -> LimiterBuilder {
    Limiter::builder().clock(Arc::clone(clock) as _)
}
