//! Metered limits: their usage is settled once it is known.

use actix_web::{HttpRequest, dev::ServiceRequest};

use super::state::RequestState;
use crate::decision::{charge::Charge, usage::Usage};

impl RequestState {
    /// Keeps the usage of the request, if one of its limits is metered.
    pub(super) fn keep_usage(&self, req: &ServiceRequest) {
        self.keep_usage_of(req.request());
    }

    /// The same at the response, in case a metered limit was met after the admission.
    pub(super) fn keep_usage_of(&self, req: &HttpRequest) {
        if self.charges.borrow().iter().any(Charge::is_metered) {
            self.usage.borrow_mut().get_or_insert_with(|| Usage::of(req));
        }
    }

    /// Leaves a metered charge to the usage, which settles it.
    pub(super) fn track_usage(&self, charge: &Charge) {
        if let Some(usage) = &*self.usage.borrow() {
            usage.track(charge, &self.predicted.client, &self.predicted.worker.config);
        }
    }

    /// The same for all metered charges of a request that is dropped, except those that are refunded. Never panics.
    pub(super) fn track_usage_on_drop(&self) {
        if let Ok(charges) = self.charges.try_borrow() {
            let tracked = charges.iter().filter(|charge| charge.is_metered() && !charge.refunds_on_drop());
            tracked.for_each(|charge| self.track_usage(charge));
        }
        self.usage.take();
    }
}
