//! Without the feature `metrics` nothing is measured.

use std::marker::PhantomData;

use limiter_core::Window;

use crate::{
    decision::{charge::Charge, decided::Decided},
    request::state::Ticket,
    response::refusal::Asked,
};

#[derive(Debug, Default)]
pub(super) struct Metrics;

#[derive(Default)]
pub(crate) struct OfLimit {}

pub(crate) struct Timed<'a>(PhantomData<&'a Metrics>);

#[allow(clippy::unused_self)]
impl Metrics {
    pub(super) fn time(&self) -> Timed<'_> {
        Timed(PhantomData)
    }

    pub(super) fn admitted(&self, _: &Ticket, _: &[Charge]) {}

    pub(super) fn refused(&self, _: &Asked<'_>, _: &Decided<'_>) {}

    pub(super) fn undecided(&self, _: &Asked<'_>) {}
}

pub(crate) fn hit_by_hand(_: &str, _: &Window, _: bool) {}

pub(crate) fn storage_error() {}

pub(crate) fn storage_failed() {}

pub(crate) fn storage_recovered() {}

pub(crate) fn local_refusal() {}
