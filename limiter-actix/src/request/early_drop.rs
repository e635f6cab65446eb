use std::rc::Rc;

use actix_web::{Error, dev::ServiceResponse};

use super::{phase::Phase, state::RequestState};

/// Ends a request that is dropped before its response.
///
/// The future of the middleware owns one from the admission on. If that future is dropped before
/// [`settle`](Self::settle), the client has disconnected, a middleware further out has timed out, or the handler has
/// panicked. Then the request is reported as it was decided, and limits with `refund_on_drop` are refunded.
pub(crate) struct OnEarlyDrop {
    state: Rc<RequestState>,
}

impl OnEarlyDrop {
    pub(super) fn new(state: Rc<RequestState>) -> Self {
        Self { state }
    }

    /// Ends the request with its response, so that the drop does nothing.
    pub(crate) fn settle<B>(
        &self,
        response: Result<ServiceResponse<B>, Error>,
    ) -> Result<ServiceResponse<B>, Error> {
        self.state.settle(response)
    }
}

impl Drop for OnEarlyDrop {
    fn drop(&mut self) {
        if !self.state.is_in(Phase::Settled) {
            self.state.report();
            self.state.refund_on_drop();
        }
    }
}
