use std::{cell::RefCell, rc::Rc};

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

use super::charge::{Charge, Charges};
use crate::plan::bound_limit::BoundLimit;

/// What functions of the request told of meta limits, so that they are asked once for a request, also when it
/// meets other rules than were expected.
#[derive(Default)]
pub(crate) struct CallbackCache(RefCell<Vec<CachedCharge>>);

/// A limit, and what its request takes from it; none when the limit is off.
type CachedCharge = (Rc<BoundLimit>, Option<Charge>);

impl CallbackCache {
    /// Those of the limits that are not off for this request.
    pub(crate) fn charges(&self, limits: &[Rc<BoundLimit>], client: &Key, req: &ServiceRequest) -> Charges {
        let mut charges = Charges::new();
        for limit in limits {
            let charge = match limit.plain_cost {
                Some(_) => Charge::new(limit, client, req),
                None => self.call(limit, client, req),
            };
            charges.extend(charge);
        }
        charges
    }

    fn call(&self, limit: &Rc<BoundLimit>, client: &Key, req: &ServiceRequest) -> Option<Charge> {
        // Each plan places a limit anew, and limits that share a count may have other functions.
        let is_this = |(it, _): &&CachedCharge| {
            it.shares_count_with(limit) && it.options.has_same_callbacks(&limit.options)
        };
        if let Some((_, charge)) = self.0.borrow().iter().find(is_this) {
            return charge.clone();
        }
        let charge = Charge::new(limit, client, req);
        self.0.borrow_mut().push((Rc::clone(limit), charge.clone()));
        charge
    }
}
