//! Gives back what was taken for a request.

use std::sync::Arc;

use actix_web::rt;
use limiter_core::storage::{Refund, Storage};
use smallvec::SmallVec;

use super::state::RequestState;
use crate::{
    decision::{
        charge::{Charge, Charges},
        refund::{RefundChannel, RefundTask},
    },
    settings::backend::Backend,
};

impl RequestState {
    /// Gives back what was taken, without delaying the answer.
    pub(super) fn refund(&self, charges: Charges) {
        self.refund_with(charges, |task| drop(rt::spawn(task.send())));
    }

    /// Gives back what was taken: at once what is in memory, and by `pay` what a storage elsewhere has.
    fn refund_with(&self, charges: Charges, send: impl FnOnce(RefundTask)) {
        if charges.is_empty() {
            return;
        }
        let (client, now) = (self.client.clone(), self.worker.now());
        let storage = &self.worker.config.settings.storage;
        let (by_fallback, by_storage): (Charges, Charges) = charges
            .into_iter()
            .partition(|charge| !charge.is_in_storage() || matches!(storage, Backend::Memory(_)));
        let refunds: SmallVec<[Refund<'_>; 4]> =
            by_fallback.iter().filter_map(|charge| charge.refund(&client)).collect();
        // Done when it returns: the memory storage answers at once.
        drop(storage.memory().refund(&refunds, now));
        drop(refunds);
        if let Backend::Remote { storage, .. } = storage
            && !by_storage.is_empty()
        {
            let task = RefundTask::new(
                by_storage,
                client,
                now,
                Arc::clone(storage),
                Arc::clone(&self.worker.config),
            );
            send(task);
        }
    }

    /// Makes sure that what a storage elsewhere was asked for can be given back when the request is dropped.
    pub(crate) fn prepare_refund(&self) {
        let Backend::Remote { .. } = self.worker.config.settings.storage else { return };
        let may_return = |charge: &Charge| charge.refunds_on_drop() && charge.is_in_storage();
        if !self.has_response.get() && self.charges.borrow().iter().any(may_return) {
            self.refund_channel.get_or_init(RefundChannel::open);
        }
    }

    /// Gives back what was taken from limits that say so, since there will be no answer. Never panics.
    pub(crate) fn refund_on_drop(&mut self) {
        let charges = self.charges.get_mut();
        if !charges.iter().any(Charge::refunds_on_drop) {
            return;
        }
        let returned: Charges =
            charges.iter().filter(|charge| charge.refunds_on_drop() && charge.is_taken()).cloned().collect();
        let channel = self.refund_channel.take();
        self.refund_with(returned, |task| {
            if let Some(channel) = channel {
                channel.send(task);
            }
        });
    }
}
