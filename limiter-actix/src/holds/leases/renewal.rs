use std::{sync::Arc, time::Instant};

use limiter_core::storage::{Batch, Refund, Renewal, Storage, StorageError};

use super::{DEADLINE, EndedLease, HeldLeases, Lease};
use crate::{deadline::in_time, holds::hit::HeldHit};

/// Some leases that are being renewed.
///
/// If it is dropped before it is done, it is not known whether the storage has renewed them.
pub(super) struct RenewalRound<'a> {
    leases: &'a HeldLeases,
    renewed: Vec<RenewedLease>,
}

struct RenewedLease {
    number: u64,
    hit: Arc<HeldHit>,
    stamp: Option<u64>,
    is_in_memory: bool,
    /// Set if the storage cannot have it under a stamp that is not known here.
    may_take_again: bool,
    outcome: Renewal,
}

impl<'a> RenewalRound<'a> {
    pub(super) fn begin(leases: &'a HeldLeases, numbers: &[u64]) -> Self {
        let (mut state, now) = (leases.state.lock(), Instant::now());
        let begin = |number: &u64| {
            let lease = state.held.get_mut(number)?;
            // The request counts again once it cannot count twice.
            let may_take_again = lease.unclear_until.is_none_or(|until| until <= now);
            let is_unknown = lease.stamp.is_none() && !may_take_again;
            // A busy worker may still be renewing it, and knows its stamp in a moment.
            if is_unknown || lease.is_being_renewed {
                return None;
            }
            lease.is_being_renewed = true;
            let Lease { hit, stamp, is_in_memory, .. } = lease;
            let (number, hit, stamp, is_in_memory) = (*number, Arc::clone(hit), *stamp, *is_in_memory);
            Some(RenewedLease { number, hit, stamp, is_in_memory, may_take_again, outcome: Renewal::Unknown })
        };
        let renewed = numbers.iter().filter_map(begin).collect();
        Self { leases, renewed }
    }

    pub(super) async fn run(mut self) {
        let leases = self.leases;
        for (storage, is_in_memory) in [(&*leases.storage, false), (&*leases.memory as &dyn Storage, true)] {
            let is_here = |it: &&mut RenewedLease| it.is_in_memory == is_in_memory;
            let mut here: Vec<&mut RenewedLease> = self.renewed.iter_mut().filter(is_here).collect();
            if let Err(error) = renew(leases, storage, &mut here).await {
                leases.log(&error, "renew");
            }
        }
    }
}

/// Renews leases that are in one storage.
async fn renew(
    leases: &HeldLeases,
    storage: &dyn Storage,
    renewed: &mut [&mut RenewedLease],
) -> Result<(), StorageError> {
    let known: Vec<(usize, Refund<'_>)> = (renewed.iter().enumerate())
        .filter_map(|(index, it)| Some((index, it.hit.refund(it.stamp?))))
        .collect();
    let refunds: Vec<Refund<'_>> = known.iter().map(|(_, refund)| *refund).collect();
    let mut renewals = Vec::new();
    if !refunds.is_empty() {
        let answer = storage.renew(&refunds, leases.clock.now());
        renewals = in_time(storage, answer, DEADLINE).await?;
    }
    let numbers: Vec<usize> = known.iter().map(|(index, _)| *index).collect();
    for (index, renewal) in numbers.into_iter().zip(renewals) {
        renewed[index].outcome = renewal;
    }
    for it in renewed.iter_mut() {
        let is_lost = it.stamp.is_none() || matches!(it.outcome, Renewal::Ended);
        if is_lost && it.may_take_again {
            it.outcome = Renewal::Unknown;
            it.outcome = take_again(leases, storage, &it.hit).await?.into();
        }
    }
    Ok(())
}

/// Counts a request again whose lease has ended, such as in a process that was stopped for a while. `None` if others have
/// taken all of the count.
async fn take_again(
    leases: &HeldLeases,
    storage: &dyn Storage,
    hit: &HeldHit,
) -> Result<Option<u64>, StorageError> {
    let hits = [hit.hit()];
    let batch = Batch::new(&hits);
    let decision = in_time(storage, storage.decide(&batch, leases.clock.now()), DEADLINE).await?;
    let window = decision.limits().first().filter(|window| window.is_allowed());
    Ok(window.map(|window| Refund::new(hits[0], window).stamp))
}

impl Drop for RenewalRound<'_> {
    fn drop(&mut self) {
        let leases = self.leases;
        let (mut state, now) = (leases.state.lock(), Instant::now());
        let mut in_memory = Vec::new();
        for RenewedLease { number, hit, outcome, .. } in &self.renewed {
            let Some(lease) = state.held.get_mut(number) else { continue };
            lease.is_being_renewed = false;
            match outcome {
                Renewal::Renewed(stamp) => (lease.stamp, lease.unclear_until) = (Some(*stamp), None),
                Renewal::Ended => lease.stamp = None,
                Renewal::Unknown => lease.unclear_until = Some(now + leases.duration + DEADLINE),
            }
            if !lease.has_ended {
                continue;
            }
            let ended = lease.stamp.map(|stamp| EndedLease { hit: Arc::clone(hit), stamp });
            let is_in_memory = lease.is_in_memory;
            state.held.remove(number);
            match ended {
                Some(ended) if !is_in_memory => state.ended.push(ended),
                ended => {
                    in_memory.extend(ended);
                    state.note_freed(&hit.count_id());
                }
            }
        }
        drop(state);
        for EndedLease { hit, stamp } in in_memory {
            hit.refund_in(&leases.memory, stamp, &*leases.clock);
        }
        leases.ended.notify_one();
    }
}
