//! Refunds of the charges of a request.

use std::sync::Arc;

use limiter_core::storage::{Refund, Storage};

use super::{phase::Phase, state::RequestState};
use crate::{
    decision::{
        charge::{Charge, Charges, partition},
        hold::take_holds,
        refund::{RefundChannel, RefundTask},
        reservation::end_reservations,
    },
    settings::backend::Backend,
};

impl RequestState {
    /// Refunds charges, without delaying the response.
    pub(super) fn refund(&self, charges: Charges) {
        self.refund_with(charges, RefundTask::spawn);
    }

    /// Opens the way for a refund to a remote storage, in case the request is dropped.
    pub(super) fn prepare_refund(&self) {
        let Backend::Remote { .. } = self.predicted.settings().storage else { return };
        let may_refund =
            |charge: &Charge| charge.refunds_on_drop() && charge.is_in_storage() && !charge.is_concurrent();
        if !self.is_in(Phase::Settled) && self.charges.borrow().iter().any(may_refund) {
            self.refund_channel.borrow_mut().get_or_insert_with(RefundChannel::open);
        }
    }

    /// Refunds all charges of an admitted request, since a limiter further out refuses it after all.
    pub(super) fn withdraw(&self) {
        self.phase.set(Phase::Refused);
        self.refund(self.charges.take());
    }

    /// Refunds the limits with `refund_on_drop`, since there will be no response. The other charges stay. Never panics.
    pub(super) fn refund_on_drop(&self) {
        self.track_usage_on_drop();
        let Ok(charges) = self.charges.try_borrow() else { return };
        let is_refunded =
            |charge: &&Charge| charge.refunds_on_drop() && charge.is_taken() && !charge.is_concurrent();
        let refunded: Charges = charges.iter().filter(is_refunded).cloned().collect();
        drop(take_holds(&charges));
        drop(charges);
        if let Ok(mut charges) = self.charges.try_borrow_mut() {
            end_reservations(&mut charges);
        }
        let channel = self.refund_channel.take();
        self.refund_with(refunded, |task| match channel {
            Some(channel) => channel.send(task),
            // Dropping the task logs it.
            None => drop(task),
        });
    }

    /// Refunds charges: those in memory at once, those of a remote storage by `send`.
    fn refund_with(&self, charges: Charges, send: impl FnOnce(RefundTask)) {
        let (concurrent, charges) = partition(charges, &Charge::is_concurrent);
        concurrent.iter().for_each(Charge::free);
        if charges.is_empty() {
            return;
        }
        let (client, now) = (self.predicted.client.clone(), self.predicted.worker.now());
        let storage = &self.predicted.settings().storage;
        let (by_memory, by_storage) =
            partition(charges, &|charge| !charge.is_in_storage() || matches!(storage, Backend::Memory(_)));
        let refunds: Vec<Refund<'_>> = by_memory.iter().filter_map(|charge| charge.refund(&client)).collect();
        // The memory storage is done when it returns.
        drop(storage.memory().refund(&refunds, now));
        drop(refunds);
        if let Backend::Remote { storage, .. } = storage
            && !by_storage.is_empty()
        {
            let config = Arc::clone(&self.predicted.worker.config);
            send(RefundTask::new(by_storage, client, now, Arc::clone(storage), config));
        }
    }
}
