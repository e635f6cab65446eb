//! Local refusals in front of a storage on another machine.

use std::sync::Arc;

use limiter_core::storage::{LocalRefusals, Storage};

use super::shared_wrapper::SharedWrappers;
use crate::telemetry;

static GUARDED: SharedWrappers<LocalRefusals> = SharedWrappers::new();

/// Returns the local refusals of a storage, which the limiters of this process share.
pub(crate) fn for_storage(storage: &Arc<dyn Storage>) -> Arc<LocalRefusals> {
    GUARDED.of(storage, |storage| LocalRefusals::new(storage).on_refusal(telemetry::local_refusal))
}
