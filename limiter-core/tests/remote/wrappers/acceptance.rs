//! The tests that every storage must pass, on the memory storage.

use std::{sync::Arc, time::Duration};

use limiter_core::{
    Strategy,
    acceptance::{self, Time},
    storage::{LocalRefusals, MemoryStorage, Resilient},
};

use crate::suite::kinds;

const NANOSECOND: Time = Time::Callers { resolution: Duration::from_nanos(1) };

#[tokio::test]
async fn the_memory_storage_passes() {
    acceptance::run(&MemoryStorage::new(), NANOSECOND).await;
}

#[tokio::test]
async fn kinds_of_limits_agree_with_naive_models_in_memory() {
    assert_eq!(kinds::agree(&MemoryStorage::new()).await, kinds::Ran::expected(&Strategy::ALL, true));
}

/// A storage that is taken for one with a clock of its own is tested less, but passes.
#[tokio::test]
async fn the_memory_storage_passes_by_its_own_time() {
    acceptance::run(&MemoryStorage::new(), Time::Own).await;
}

#[tokio::test]
async fn a_resilient_storage_passes() {
    acceptance::run(&Resilient::new(MemoryStorage::new()), NANOSECOND).await;
}

/// It gets the time of the caller, but a time that goes back is nothing to count down by.
#[tokio::test]
async fn a_storage_behind_local_refusals_passes() {
    acceptance::run(&LocalRefusals::new(Arc::new(MemoryStorage::new())), Time::Own).await;
}
