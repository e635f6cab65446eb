//! The tests that every storage must pass.

use std::time::Duration;

use limiter_core::{acceptance, storage::Resilient};

use crate::server::Server;

/// As an application uses it, and by the time of the caller. Each backend has further runs of its own without a breaker.
pub(crate) async fn behind_a_breaker<S: Server>() {
    let server = S::start();
    let storage = S::by_callers_clock(server.storage());
    let storage = Resilient::new(storage).deadline(Duration::from_secs(10));
    if S::CAN_RESET {
        acceptance::run(&storage, S::callers_time()).await;
    } else {
        acceptance::run_shared(&storage, S::callers_time()).await;
    }
}
