//! The tests that every storage must pass.

use std::time::Duration;

use limiter_core::{
    acceptance::{self, Time},
    storage::Resilient,
};
use limiter_test_servers::Mongo;

use crate::mongodb::server::ServerExt;

const MILLISECOND: Time = Time::Callers { resolution: Duration::from_millis(1) };

#[tokio::test]
async fn by_the_time_of_the_caller() {
    let server = Mongo::start();
    acceptance::run(&server.storage().use_caller_clock(), MILLISECOND).await;
}

#[tokio::test]
async fn by_the_time_of_the_server() {
    let server = Mongo::start();
    acceptance::run(&server.storage(), Time::Own).await;
}

#[tokio::test]
async fn behind_a_breaker() {
    let server = Mongo::start();
    let storage = Resilient::new(server.storage().use_caller_clock()).deadline(Duration::from_secs(10));
    acceptance::run(&storage, MILLISECOND).await;
}
