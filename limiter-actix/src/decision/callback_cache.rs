use std::{cell::RefCell, rc::Rc};

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

use super::charge::{Charge, Charges};
use crate::plan::bound_limit::Placed;

/// What functions of the request told of meta limits, so that they are asked once for a request, also when it
/// meets other rules than were expected.
#[derive(Default)]
pub(crate) struct Asked(RefCell<Vec<Told>>);

/// A limit, and what its request takes from it; none when the limit is off.
type Told = (Rc<Placed>, Option<Charge>);

impl Asked {
    /// Those of the limits that are not off for this request.
    pub(crate) fn charges(&self, limits: &[Rc<Placed>], client: &Key, req: &ServiceRequest) -> Charges {
        let mut charges = Charges::new();
        for placed in limits {
            let charge = match placed.plain_cost {
                Some(_) => Charge::new(placed, client, req),
                None => self.ask(placed, client, req),
            };
            charges.extend(charge);
        }
        charges
    }

    fn ask(&self, placed: &Rc<Placed>, client: &Key, req: &ServiceRequest) -> Option<Charge> {
        // Each plan places a limit anew, and limits that share a count may have other functions.
        let is_this = |(it, _): &&Told| it.shares_count_with(placed) && it.limit.asks_as(&placed.limit);
        if let Some((_, charge)) = self.0.borrow().iter().find(is_this) {
            return charge.clone();
        }
        let charge = Charge::new(placed, client, req);
        self.0.borrow_mut().push((Rc::clone(placed), charge.clone()));
        charge
    }
}
