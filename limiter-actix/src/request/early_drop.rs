use std::rc::Rc;

use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
};

use super::{
    call::UnconfirmedRequest,
    carrier::CarriedRequest,
    held_body::{admitted, with_holds},
    phase::Phase,
    state::RequestState,
    straight_request::StraightRequest,
};
use crate::{decision::hold::Holds, key::absent::look_again};

/// Ends a request that is dropped before its response.
///
/// The future of the middleware owns one from the admission on. If that future is dropped before
/// [`settle`](Self::settle), the client has disconnected, a middleware further out has timed out, or the handler has
/// panicked. Then the request is reported as it was decided, and limits with
/// `refund_on_drop` are refunded. Rules that were granted to it and that it has not met are not granted again.
pub(crate) struct OnEarlyDrop(DropTarget);

enum DropTarget {
    General(Rc<RequestState>),
    Straight(Rc<StraightRequest>),
    Carried(CarriedRequest),
    /// A request without limits, which has not met all rules that were granted to it.
    Unconfirmed(Rc<UnconfirmedRequest>),
}

impl OnEarlyDrop {
    pub(crate) fn new(state: Rc<RequestState>) -> Self {
        Self(DropTarget::General(state))
    }

    /// The same for a request on the straight way.
    #[inline]
    pub(crate) fn straight(request: Rc<StraightRequest>) -> Self {
        Self(DropTarget::Straight(request))
    }

    /// The same for one with a container.
    #[inline]
    pub(super) fn carried(request: CarriedRequest) -> Self {
        Self(DropTarget::Carried(request))
    }

    /// The same for a request without limits, which has not met all rules that were granted to it.
    #[cold]
    pub(super) fn unconfirmed(request: Rc<UnconfirmedRequest>) -> Self {
        Self(DropTarget::Unconfirmed(request))
    }

    /// Notes that the service has been called, and may be waiting now.
    #[inline]
    pub(crate) fn note_call(&self) {
        match &self.0 {
            DropTarget::General(state) => state.note_call(),
            DropTarget::Straight(request) | DropTarget::Carried(CarriedRequest { request, .. }) => {
                request.note_call();
            }
            DropTarget::Unconfirmed(_) => {}
        }
    }

    /// Ends the request with its response, so that the drop does nothing. What the request holds of limits of concurrent
    /// requests goes with the body.
    #[inline]
    pub(crate) fn finish<B: MessageBody + 'static>(
        &mut self,
        mut response: Result<ServiceResponse<B>, Error>,
    ) -> Result<ServiceResponse<EitherBody<B>>, Error> {
        if let Ok(response) = &response {
            look_again(response.request());
        }
        self.settle(&mut response);
        match self.holds() {
            Some(holds) if !holds.is_empty() => response.map(|response| with_holds(response, holds)),
            _ => response.map(admitted),
        }
    }

    #[inline]
    fn holds(&self) -> Option<Holds> {
        match &self.0 {
            DropTarget::General(state) => Some(state.take_holds()),
            DropTarget::Straight(request) | DropTarget::Carried(CarriedRequest { request, .. }) => {
                request.general().map(|state| state.take_holds())
            }
            DropTarget::Unconfirmed(_) => None,
        }
    }

    /// Ends the request with its response, so that the drop does nothing.
    #[inline]
    pub(crate) fn settle<B>(&mut self, response: &mut Result<ServiceResponse<B>, Error>) {
        match &mut self.0 {
            DropTarget::General(state) => state.settle(response),
            DropTarget::Straight(request) | DropTarget::Carried(CarriedRequest { request, .. }) => {
                request.settle(response);
            }
            DropTarget::Unconfirmed(request) => {
                let req = response.as_ref().ok().map(|response| response.request().clone());
                if let Some(kept) = request.end(req.map(ServiceRequest::from_request).as_ref()) {
                    kept.settle(response);
                    self.0 = DropTarget::Straight(kept);
                }
            }
        }
    }
}

impl Drop for OnEarlyDrop {
    #[inline]
    fn drop(&mut self) {
        match &self.0 {
            DropTarget::General(state) => state.end_early(),
            DropTarget::Straight(request) => request.end_early(),
            DropTarget::Carried(carried) => {
                carried.request.end_early();
                carried.end();
            }
            DropTarget::Unconfirmed(request) => {
                if let Some(kept) = request.end_early() {
                    kept.end_early();
                }
            }
        }
    }
}

impl RequestState {
    /// Ends the request without a response, unless it has ended.
    fn end_early(&self) {
        if !self.is_in(Phase::Settled) {
            self.doubt_on_drop();
            self.report();
            self.refund_on_drop();
        }
    }
}

impl StraightRequest {
    /// The same. Plain limits are not refunded.
    fn end_early(&self) {
        if self.is_settled() {
            return;
        }
        if self.is_simple() {
            self.report();
        } else {
            self.continue_in_general().end_early();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        future::{Future, pending},
        rc::Rc,
        task::{Context, Waker},
    };

    use actix_web::{
        App, HttpRequest, HttpResponse,
        dev::Service,
        test::{TestRequest, init_service},
        web,
    };

    use crate::{Limit, Limiter, Quota};

    /// The refund waits for the future only, not for clones of the request.
    #[actix_web::test]
    async fn a_dropped_request_is_refunded_while_a_clone_lives_on() {
        let limit = Limit::new(Quota::per_day(1)).refund_on_drop(true);
        let limiter = Limiter::builder().default_limits(limit).build().expect("a limiter");
        let clones = Rc::new(RefCell::new(Vec::new()));
        let kept = Rc::clone(&clones);
        let handler = move |req: HttpRequest| {
            kept.borrow_mut().push(req);
            pending::<HttpResponse>()
        };
        let app = init_service(App::new().wrap(limiter).route("/", web::to(handler))).await;
        for admitted in 1..=3 {
            let mut call = Box::pin(app.call(TestRequest::default().to_request()));
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(clones.borrow().len(), admitted, "it has reached the handler");
        }
    }
}
