//! The tests that every storage must pass, on the memory storage.

use std::{sync::Arc, time::Duration};

use limiter_core::{
    acceptance::{self, Time},
    storage::{LocalRefusals, MemoryStorage, Resilient},
};

const NANOSECOND: Time = Time::Callers { resolution: Duration::from_nanos(1) };

#[tokio::test]
async fn of_the_memory_storage() {
    acceptance::run(&MemoryStorage::new(), NANOSECOND).await;
}

/// A storage that is taken for one with a clock of its own is tested less, but passes.
#[tokio::test]
async fn without_time() {
    acceptance::run(&MemoryStorage::new(), Time::Own).await;
}

#[tokio::test]
async fn of_a_resilient_storage() {
    acceptance::run(&Resilient::new(MemoryStorage::new()), NANOSECOND).await;
}

/// It is told the time, but a time that goes back is nothing to count down by.
#[tokio::test]
async fn of_a_storage_behind_local_refusals() {
    acceptance::run(&LocalRefusals::new(Arc::new(MemoryStorage::new())), Time::Own).await;
}
