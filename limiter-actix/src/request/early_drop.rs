use std::rc::Rc;

use actix_web::{Error, dev::ServiceResponse};

use super::{phase::Phase, state::RequestState};

/// Ends a request that is dropped before its response.
///
/// The future of the middleware owns one from the admission on. If that future is dropped before
/// [`settle`](Self::settle), the client has disconnected, a middleware further out has timed out, or the handler has
/// panicked. Then the request is reported as it was decided, and limits with
/// `refund_on_drop` are refunded. Rules that were granted to it and that it has not met are not granted again.
pub(crate) struct OnEarlyDrop {
    state: Rc<RequestState>,
}

impl OnEarlyDrop {
    pub(super) fn new(state: Rc<RequestState>) -> Self {
        Self { state }
    }

    /// Notes that the service has been called, and may be waiting now.
    #[inline]
    pub(crate) fn note_call(&self) {
        self.state.note_call();
    }

    /// Ends the request with its response, so that the drop does nothing.
    pub(crate) fn settle<B>(&self, response: &mut Result<ServiceResponse<B>, Error>) {
        self.state.settle(response);
    }
}

impl Drop for OnEarlyDrop {
    fn drop(&mut self) {
        if !self.state.is_in(Phase::Settled) {
            self.state.doubt_on_drop();
            self.state.report();
            self.state.refund_on_drop();
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
