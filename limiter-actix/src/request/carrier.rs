//! The state of a request on the straight way, and its container.
//!
//! Its extensions would take three allocations for one value. So the state lies in a data container, as actix has them for
//! the data of apps and scopes, and containers of earlier requests are used again.

use std::{cell::RefCell, rc::Rc};

use actix_web::{
    HttpRequest,
    dev::{Extensions, ServiceRequest},
};

use super::straight_request::StraightRequest;

/// The state of a request, in its data container.
struct StateInContainer(Rc<StraightRequest>);

/// The containers of requests that have ended.
#[derive(Default)]
pub(crate) struct Carriers(RefCell<Vec<Rc<Extensions>>>);

/// Of more requests under way at once, each further one gets a container of its own.
const MAX_IDLE: usize = 64;

/// A request on the straight way with its container, which later requests may use again.
pub(crate) struct CarriedRequest {
    pub(super) request: Rc<StraightRequest>,
    container: Rc<Extensions>,
    carriers: Rc<Carriers>,
}

impl CarriedRequest {
    /// Lets a request carry its state. Only before routing: actix panics here as it does when it routes, if the request
    /// has clones.
    #[inline]
    pub(super) fn begin(carriers: &Rc<Carriers>, req: &mut ServiceRequest, state: StraightRequest) -> Self {
        let (container, request) = carriers.carry(state);
        req.add_data_container(Rc::clone(&container));
        Self { request, container, carriers: Rc::clone(carriers) }
    }

    /// Ends the request. Its state stays until its container is used again, for whoever reads its limits. One that has
    /// left the straight way has more than that, and is not kept.
    #[inline]
    pub(super) fn end(&self) {
        let mut idle = self.carriers.0.borrow_mut();
        if idle.len() < MAX_IDLE && self.request.is_simple() {
            idle.push(Rc::clone(&self.container));
        }
    }
}

impl Carriers {
    /// Returns a container with this state. One that is still held, by a clone of its request, is not used again.
    #[inline]
    fn carry(&self, state: StraightRequest) -> (Rc<Extensions>, Rc<StraightRequest>) {
        let idle = self.0.borrow_mut().pop();
        if let Some(mut container) = idle
            && let Some(StateInContainer(carried)) = Rc::get_mut(&mut container).and_then(Extensions::get_mut)
            && let Some(room) = Rc::get_mut(carried)
        {
            *room = state;
            let request = Rc::clone(carried);
            return (container, request);
        }
        let (mut container, request) = (Extensions::new(), Rc::new(state));
        container.insert(StateInContainer(Rc::clone(&request)));
        (Rc::new(container), request)
    }
}

/// Returns the state that a request carries.
#[inline]
pub(super) fn carried(req: &HttpRequest) -> Option<&Rc<StraightRequest>> {
    req.app_data().map(|StateInContainer(request)| request)
}
