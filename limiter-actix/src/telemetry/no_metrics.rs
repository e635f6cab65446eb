//! Replaces `metrics` if the feature of that name is off. Measures nothing.

use std::{marker::PhantomData, sync::Arc};

use limiter_core::Window;

use super::outcome::RequestOutcome;
use crate::report::decided_by::DecidedBy;

#[derive(Debug, Default)]
pub(super) struct Metrics;

#[derive(Default)]
pub(crate) struct LimitMetrics {}

pub(crate) struct Series;

pub(crate) struct DecisionTimer<'a>(PhantomData<&'a Metrics>);

#[allow(clippy::unused_self)]
impl Metrics {
    pub(super) fn time(&self) -> DecisionTimer<'_> {
        DecisionTimer(PhantomData)
    }

    pub(super) fn request(&self, _: RequestOutcome, _: DecidedBy) {}
}

#[allow(clippy::unused_self)]
impl LimitMetrics {
    pub(crate) fn at(&self, _: Option<&str>, _: impl Fn() -> Arc<str>, _: impl FnOnce(&Series)) {}

    pub(crate) fn at_manual(&self, _: impl Fn() -> Arc<str>, _: impl FnOnce(&Series)) {}
}

#[allow(clippy::unused_self)]
impl Series {
    pub(crate) fn manual(_: &str) -> Self {
        Self
    }

    pub(crate) fn passed(&self, _: &Window, _: u64) {}

    pub(crate) fn refused(&self) {}

    pub(crate) fn shadow_refused(&self) {}
}

pub(crate) fn manual_hit(_: &str, _: &Window, _: bool) {}

pub(crate) fn storage_error() {}

pub(crate) fn storage_failed() {}

pub(crate) fn storage_recovered() {}

pub(crate) fn local_refusal() {}
