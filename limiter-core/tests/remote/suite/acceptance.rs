//! The tests that every storage must pass.

use std::time::Duration;

use limiter_core::{
    acceptance,
    storage::{Resilient, Storage},
};

use crate::server::Server;

pub(crate) async fn by_the_time_of_the_caller<S: Server>() {
    let server = S::start();
    accept::<S>(&S::by_callers_clock(server.storage())).await;
}

pub(crate) async fn behind_a_breaker<S: Server>() {
    let server = S::start();
    let storage = S::by_callers_clock(server.storage());
    accept::<S>(&Resilient::new(storage).deadline(Duration::from_secs(10))).await;
}

async fn accept<S: Server>(storage: &dyn Storage) {
    if S::CAN_RESET {
        acceptance::run(storage, S::callers_time()).await;
    } else {
        acceptance::run_shared(storage, S::callers_time()).await;
    }
}
