//! Refusals that only reservations under way cause.
//!
//! They are no breaches: the requests that hold the reservations may all be refunded. A batch charges the meta limits
//! of a breach together with its decision. The first decision therefore charges none, and one that turns out to be a
//! breach is made again. That no other request is under way when it begins does not help: later ones may overtake it on
//! the way to the storage.

use std::{sync::Arc, time::Duration};

use limiter_core::{
    Key, Strategy, Timestamp, Window,
    storage::{Decision, Verdict},
};

use super::{
    charge::{Charge, Charges},
    query::StorageQuery,
};
use crate::{
    reservations::{Deciding, Reservation, Reservations},
    settings::Config,
};

/// The wait of a refusal by reservations, since quota may be free again at any time.
const WAIT: Duration = Duration::from_secs(1);

/// The same beside a breach: shorter than any wait of a limit that is spent, or of one of concurrent requests.
const BEHIND_A_BREACH: Duration = Duration::ZERO;

/// The tries to decide a request.
pub(crate) struct Tries {
    /// `None` if the first decision is final.
    deciding: Option<Deciding>,
    defer_breach: bool,
    is_first: bool,
}

/// The nature of a refusal.
pub(crate) enum RefusalCause {
    ByReservations,
    Breach,
    /// Not known yet: the decision is to be made again.
    Unclear,
}

impl Tries {
    /// Begins to decide a query. Only limits with `deduct_when`, or metered ones, and meta limits
    /// need more than one try.
    #[inline]
    pub(crate) fn of(query: &StorageQuery<'_>, config: &Config) -> Self {
        let is_certain = query.on_refusal.is_empty() || !query.limits.iter().any(Charge::is_conditional);
        let deciding = (!is_certain).then(|| begin(query, config));
        Self { defer_breach: !is_certain, deciding, is_first: true }
    }

    /// Returns whether a refusal charges no meta limits.
    pub(crate) fn defer_breach(&self) -> bool {
        self.defer_breach
    }

    /// Judges a refusal.
    #[inline]
    pub(crate) fn judge(
        &mut self,
        query: &StorageQuery<'_>,
        decision: &Decision,
        config: &Config,
    ) -> RefusalCause {
        if decision.verdict() != Verdict::Refused || !query.limits.iter().any(Charge::is_conditional) {
            return RefusalCause::Breach;
        }
        if is_by_reservations(query, decision, config) {
            return RefusalCause::ByReservations;
        }
        // Outage limits have no meta limits, so that no breach was deferred.
        if !self.defer_breach || query.on_refusal.is_empty() {
            return RefusalCause::Breach;
        }
        // Another worker may not have received its decision yet. It has by the time of a second one.
        let may_follow = self.is_first && self.deciding.as_ref().is_some_and(Deciding::has_company);
        self.defer_breach = may_follow;
        self.is_first = false;
        RefusalCause::Unclear
    }
}

#[cold]
fn begin(query: &StorageQuery<'_>, config: &Config) -> Deciding {
    let counts = query.limits.iter().filter(|charge| charge.is_conditional());
    config.reservations.begin(counts.map(|charge| charge.count_id(query.client)))
}

/// Returns whether all limits that refused would pass if the reservations under way were refunded.
fn is_by_reservations(query: &StorageQuery<'_>, decision: &Decision, config: &Config) -> bool {
    let refusing =
        query.limits.iter().zip(decision.limits()).filter(|(charge, window)| charge.refuses(window));
    let mut refusing = refusing.peekable();
    refusing.peek().is_some()
        && refusing.all(|(charge, window)| charge.is_refused_by_reservations(window, query, config))
}

/// Returns the decision with short waits of the limits that refused.
pub(crate) fn with_short_waits(decision: &Decision) -> Decision {
    let windows = decision.limits().iter().map(|window| window.retrying_after(WAIT));
    Decision::new(decision.verdict(), decision.guards().iter().copied(), windows)
}

/// Returns the decision about a breach with short waits of the limits that only reservations make refuse. They must not
/// be named as the reason, nor their windows as the wait. Returns `None` if there are none.
#[inline]
pub(crate) fn with_honest_waits(
    query: &StorageQuery<'_>,
    decision: &Decision,
    config: &Config,
) -> Option<Decision> {
    let may_be = decision.verdict() == Verdict::Refused && query.limits.iter().any(Charge::is_conditional);
    may_be.then(|| shorten_waits(query, decision, config))
}

#[cold]
fn shorten_waits(query: &StorageQuery<'_>, decision: &Decision, config: &Config) -> Decision {
    let windows = query.limits.iter().zip(decision.limits()).map(|(charge, window)| {
        let is_short = charge.refuses(window) && charge.is_refused_by_reservations(window, query, config);
        if is_short { window.retrying_after(BEHIND_A_BREACH) } else { *window }
    });
    Decision::new(decision.verdict(), decision.guards().iter().copied(), windows)
}

impl Charge {
    /// Returns whether a refusal is due to reservations under way alone.
    fn is_refused_by_reservations(&self, window: &Window, query: &StorageQuery<'_>, config: &Config) -> bool {
        self.is_conditional()
            && window.retry_after().is_some()
            && self.fits_after_refunds(window, query, &config.reservations)
    }

    /// Returns whether the response, or the usage, decides about the charge.
    pub(crate) fn is_conditional(&self) -> bool {
        let options = &self.limit.options;
        self.reserved && (options.deduct_when.is_some() || options.metered) && !self.is_concurrent()
    }

    fn fits_after_refunds(&self, window: &Window, query: &StorageQuery<'_>, all: &Reservations) -> bool {
        let count = self.count_id(query.client);
        if self.limit.policy.strategy() == Strategy::FixedWindowElasticExpiry {
            all.extend(&count, query.now, query.now.after(window.reset()));
        }
        let free = window.remaining().saturating_add(all.amount(&count, query.now));
        free >= self.needed().saturating_add(window.overdrawn())
    }

    fn begin_reservation(
        &self,
        client: &Key,
        now: Timestamp,
        all: &Arc<Reservations>,
    ) -> Option<Reservation> {
        let window = self.window.filter(Window::is_allowed)?;
        let policy = &self.limit.policy;
        // In the other strategies, a hit leaves the window by itself.
        let lasts = match policy.strategy() {
            Strategy::MovingWindow | Strategy::SlidingWindowCounter => {
                Duration::from_secs(policy.quota().window_seconds())
            }
            _ => window.reset(),
        };
        all.add(self.count_id(client), self.cost(), now.after(lasts))
    }
}

/// Keeps the reservations of charges that are decided, until the response or the usage decides about them.
#[inline]
pub(crate) fn reserve(charges: &mut Charges, client: &Key, now: Timestamp, config: &Config) {
    for charge in charges.iter_mut().filter(|charge| charge.is_conditional()) {
        let reservation = charge.begin_reservation(client, now, &config.reservations);
        charge.set_reservation(reservation);
    }
}

/// Ends the reservations of charges, except those that a usage has: what is taken stays taken.
pub(crate) fn end_reservations(charges: &mut Charges) {
    for charge in charges.iter_mut().filter(|charge| charge.is_conditional()) {
        charge.set_reservation(None);
    }
}
