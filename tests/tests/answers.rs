//! What clients read: refusals and headers.

use std::sync::Arc;

use limiter_actix::{Limiter, LimiterBuilder, ManualClock, Timestamp};

#[path = "answers/accept.rs"]
mod accept;
#[path = "answers/after_admission.rs"]
mod after_admission;
#[path = "answers/around.rs"]
mod around;
#[path = "answers/bodies.rs"]
mod bodies;
#[path = "answers/clients.rs"]
mod clients;
#[path = "answers/custom.rs"]
mod custom;
#[path = "answers/fields.rs"]
mod fields;
#[path = "answers/log.rs"]
mod log;
#[path = "answers/partitions.rs"]
mod partitions;
#[path = "answers/problem.rs"]
mod problem;
#[path = "answers/ratelimit.rs"]
mod ratelimit;
#[path = "answers/retry_after.rs"]
mod retry_after;
#[path = "answers/x_ratelimit.rs"]
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
