//! Limits of concurrent requests: what a request holds until it ends.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix_web::rt;
use futures_util::future::LocalBoxFuture;
use limiter_core::{Key, Window, storage::Hit};
use smallvec::SmallVec;
use tokio::time::timeout;

use super::charge::{Charge, Charges};
use crate::{
    count_id::CountId,
    holds::{HeldHit, Hold, SharedHold},
    settings::{Config, backend::Backend},
};

/// The longest time that a request waits until others that have ended are freed.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// All that a request holds of limits of concurrent requests. Dropping it frees them, whatever else refers to them.
#[derive(Default)]
pub(crate) struct Holds(SmallVec<[Rc<SharedHold>; 1]>);

impl Holds {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Holds {
    fn drop(&mut self) {
        self.0.iter().for_each(|hold| hold.free());
    }
}

impl Charge {
    /// Returns whether it is one of a limit of concurrent requests.
    pub(crate) fn is_concurrent(&self) -> bool {
        self.limit.policy.is_concurrent()
    }

    /// Frees what the request holds by this charge.
    pub(crate) fn free(&self) {
        if let Some(hold) = self.shared_hold() {
            hold.free();
        }
    }

    fn held_hit(&self, client: &Key) -> Option<HeldHit> {
        let window = self.window.filter(Window::is_allowed)?;
        let Hit { scope, key, policy, .. } = self.hit(client);
        Some(HeldHit::new(Hit::new(scope, key, policy).cost(self.cost()), window))
    }
}

/// Holds what decided charges have taken of limits of concurrent requests.
#[inline]
pub(crate) fn hold(charges: &mut Charges, client: &Key, config: &Config) {
    for charge in charges.iter_mut().filter(|charge| charge.is_concurrent()) {
        if let Some(hit) = charge.held_hit(client) {
            let hold = config.hold(hit, !charge.is_in_storage());
            charge.set_hold(Rc::new(SharedHold::new(hold)));
        }
    }
}

/// Takes from charges what they hold.
pub(crate) fn take_holds(charges: &Charges) -> Holds {
    Holds(charges.iter().filter_map(Charge::shared_hold).cloned().collect())
}

impl Config {
    fn hold(&self, hit: HeldHit, is_in_memory: bool) -> Hold {
        match (&self.leases, &self.settings.storage) {
            (Some(leases), _) => Hold::leased(leases, hit, is_in_memory),
            (None, Backend::Memory(memory) | Backend::Remote { fallback: memory, .. }) => {
                Hold::local(memory, &self.settings.clock, hit)
            }
        }
    }

    pub(super) fn is_freeing(&self, count: &CountId) -> bool {
        self.leases.as_ref().is_some_and(|leases| leases.is_freeing(count))
    }

    pub(super) async fn free_ended(&self) {
        if let Some(leases) = &self.leases {
            let leases = Arc::clone(leases);
            // In a task of its own: a request that is dropped must not lose what others have freed.
            let free: LocalBoxFuture<'static, ()> = Box::pin(async move { leases.free_ended().await });
            let task = rt::spawn(free);
            // It goes on if this ends first.
            drop(timeout(MAX_WAIT, task).await);
        }
    }
}
