//! Responses as clients read them: refusals and headers.

use std::sync::Arc;

use limiter_actix::{Limiter, LimiterBuilder, ManualClock, Timestamp};

mod accept;
mod admitted;
mod bodies;
mod clients;
mod custom_responses;
mod draft_reader;
mod log;
mod other_middleware;
mod partition_keys;
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
