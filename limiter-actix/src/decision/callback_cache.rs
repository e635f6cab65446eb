use std::{cell::RefCell, rc::Rc};

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

use super::charge::{Charge, Charges};
use crate::plan::bound_limit::BoundLimit;

/// The charges of meta limits with callbacks, so that each callback runs once per request, even if a second plan
/// is made for it.
#[derive(Default)]
pub(crate) struct CallbackCache(RefCell<Vec<CachedCharge>>);

/// A limit and its charge; `None` if the limit does not apply to the request.
type CachedCharge = (Rc<BoundLimit>, Option<Charge>);

impl CallbackCache {
    /// Returns the charges for the limits that apply to this request.
    #[inline]
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
        // Each plan binds its limits anew, and limits that share a count may differ in their callbacks.
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
