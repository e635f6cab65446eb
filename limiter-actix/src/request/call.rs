//! Requests without limits: exempt ones, and those of routes that no limit is for.
//!
//! Nothing is kept in them. While such a request is called, this thread knows it, so that the rules it meets confirm the
//! prediction. That is before anything awaits, so only one request at a time is being called in a thread; those called
//! within are kept. As soon as something unusual happens, the request gets the state that requests with limits have.
//!
//! This works for limiters right around the router of an app only: there a handler is never without this limiter.

use std::{
    cell::RefCell,
    mem, ptr,
    rc::{Rc, Weak},
    sync::Arc,
};

use actix_web::dev::{ResourceMap, ServiceRequest};

use super::{
    early_drop::OnEarlyDrop,
    passing::PassingRequest,
    phase::Phase,
    predicted::PredictedRequest,
    rule_ledger::RuleLedger,
    stack::{LimiterStack, RequestLimiters},
    state::RequestState,
    straight_request::StraightRequest,
};
use crate::{
    decision::callback_cache::CallbackCache,
    limiter::{shared::Shared, worker::Worker},
    plan::key::{RuleId, RuleIds},
    routing::registered::Position,
};

/// A request that is being called.
struct CalledRequest {
    head: *const (),
    state: CallState,
}

enum CallState {
    Passing(PassingRequest),
    /// It has got the state of a request with limits.
    Kept(Rc<StraightRequest>),
    /// It is changing from one to the other.
    Changing,
}

/// A limiter that lets requests pass, as its service has it.
type PassingLimiter = RefCell<Rc<Worker>>;

thread_local! {
    static CALLED: RefCell<Option<CalledRequest>> = const { RefCell::new(None) };

    /// Those under way; each leaves with its end.
    static UNCONFIRMED: RefCell<Vec<Rc<UnconfirmedRequest>>> = const { RefCell::new(Vec::new()) };

    /// The apps of this thread whose limiters let requests pass.
    static APPS: RefCell<Vec<(*const ResourceMap, Weak<PassingLimiter>)>> = const { RefCell::new(Vec::new()) };
}

/// The call of a request without limits. The rules that the request meets until its end confirm the prediction.
pub(crate) struct Call;

impl Call {
    /// Begins the only call of this thread.
    #[inline]
    pub(crate) fn begin(passing: PassingRequest, req: &ServiceRequest) -> Self {
        let called = CalledRequest { head: identity(req), state: CallState::Passing(passing) };
        CALLED.with_borrow_mut(|no_other| *no_other = Some(called));
        Self
    }

    /// Returns whether a request is being called.
    #[inline]
    pub(super) fn is_running() -> bool {
        CALLED.with_borrow(Option::is_some)
    }

    /// Ends the call. Returns what ends the request, unless it has met all rules that were granted to it, and no others.
    #[inline]
    pub(crate) fn end(self) -> Option<OnEarlyDrop> {
        // The drop is for panics.
        mem::forget(self);
        CALLED
            .with_borrow_mut(|called| match called {
                Some(CalledRequest { state: CallState::Passing(passing), .. }) if passing.is_confirmed() => {
                    *called = None;
                    None
                }
                called => called.take(),
            })
            .and_then(CalledRequest::into_guard)
    }
}

impl CalledRequest {
    #[cold]
    fn into_guard(self) -> Option<OnEarlyDrop> {
        match self.state {
            CallState::Passing(passing) => {
                Some(OnEarlyDrop::unconfirmed(UnconfirmedRequest::begin(self.head, passing)))
            }
            CallState::Kept(request) => Some(OnEarlyDrop::straight(request)),
            CallState::Changing => None,
        }
    }
}

/// A request without limits whose call has ended before it met all rules that were granted to it: middleware has answered,
/// or waits on the way. What it has met and holds on credit stays with it.
pub(super) struct UnconfirmedRequest {
    head: *const (),
    state: RefCell<CallState>,
}

impl UnconfirmedRequest {
    fn begin(head: *const (), passing: PassingRequest) -> Rc<Self> {
        let unconfirmed = Rc::new(Self { head, state: CallState::Passing(passing).into() });
        UNCONFIRMED.with_borrow_mut(|all| all.push(Rc::clone(&unconfirmed)));
        unconfirmed
    }

    /// Keeps a request of these; returns whether it is one.
    fn keep(req: &ServiceRequest) -> bool {
        let is_this = |request: &&Rc<Self>| request.head == identity(req);
        let Some(this) = UNCONFIRMED.with_borrow(|all| all.iter().rfind(is_this).cloned()) else {
            return false;
        };
        match this.state.replace(CallState::Changing) {
            // Another app has no part in it.
            CallState::Passing(passing)
                if limiter_of_app(req).is_some_and(|limiter| passing.is_of(&limiter)) =>
            {
                let kept = passing.keep(req);
                kept.note_call();
                RequestLimiters::begin_straight(req, &kept);
                this.state.replace(CallState::Kept(kept));
                true
            }
            state => {
                this.state.replace(state);
                false
            }
        }
    }

    /// Ends the request with its response. Returns its state, unless it has ended with an error and nothing has happened
    /// to it.
    pub(super) fn end(&self, req: Option<&ServiceRequest>) -> Option<Rc<StraightRequest>> {
        match self.leave() {
            CallState::Passing(passing) => Some(passing.keep(req?)),
            CallState::Kept(kept) => Some(kept),
            CallState::Changing => None,
        }
    }

    /// Ends the request without a response. Returns its state, if it was kept.
    pub(super) fn end_early(&self) -> Option<Rc<StraightRequest>> {
        match self.leave() {
            CallState::Passing(passing) => {
                passing.doubt();
                None
            }
            CallState::Kept(kept) => Some(kept),
            CallState::Changing => None,
        }
    }

    fn leave(&self) -> CallState {
        // The end of a thread may have taken them all.
        let _ = UNCONFIRMED
            .try_with(|all| all.borrow_mut().retain(|request| !ptr::eq(Rc::as_ptr(request), self)));
        self.state.replace(CallState::Changing)
    }
}

/// A panic ends a call, too, and with it the request.
impl Drop for Call {
    #[inline]
    fn drop(&mut self) {
        if Self::is_running() {
            let called = CALLED.take();
            drop(called.and_then(CalledRequest::into_guard));
        }
    }
}

/// Notes that a request has met a rule, if it is being called without limits. Returns whether the rule was predicted.
#[inline]
pub(crate) fn meet(req: &ServiceRequest, rule: RuleId, position: Position) -> Option<bool> {
    CALLED.with_borrow(|called| match called.as_ref().filter(|called| called.head == identity(req))?.state {
        CallState::Passing(ref passing) => Some(passing.meet(rule, position)),
        CallState::Kept(_) | CallState::Changing => None,
    })
}

/// Keeps a request, if a limiter has let it pass: its state lies in its extensions from now on.
///
/// While it is being called, the state is complete, and as long as it has not met all rules that were granted to it. Later
/// it is made anew, with the rules of the scopes that the request is in, and whoever made it ends it. Returns that one.
pub(crate) fn keep(req: &ServiceRequest) -> Option<Rc<RequestState>> {
    if APPS.with_borrow(Vec::is_empty) || RequestLimiters::is_there(req) {
        return None;
    }
    let is_this = |called: &&mut CalledRequest| called.head == identity(req);
    let change = |called: &mut CalledRequest| mem::replace(&mut called.state, CallState::Changing);
    match CALLED.with_borrow_mut(|called| called.as_mut().filter(is_this).map(change)) {
        None if UnconfirmedRequest::keep(req) => None,
        None => keep_late(req),
        Some(CallState::Passing(passing)) => {
            // Key functions of the application are called here, so nothing is borrowed.
            let kept = passing.keep(req);
            RequestLimiters::begin_straight(req, &kept);
            set(CallState::Kept(kept));
            None
        }
        Some(state) => {
            set(state);
            None
        }
    }
}

fn set(state: CallState) {
    CALLED.with_borrow_mut(|called| {
        if let Some(called) = called {
            called.state = state;
        }
    });
}

#[cold]
fn keep_late(req: &ServiceRequest) -> Option<Rc<RequestState>> {
    let worker = passing_worker(req)?;
    let table = worker.table(req);
    // All rules that were granted to it: otherwise it would be unconfirmed.
    let met = table.rules_entered(req);
    let mut prediction = table.predict(req, &met);
    // It has met them, so that others need not wait for it.
    drop(mem::take(&mut prediction.credit));
    let charged = mem::take(&mut prediction.rules);
    let mut rules = RuleLedger::new(&mut prediction, charged, met, RuleIds::new());
    rules.is_late = true;
    let predicted = PredictedRequest {
        client: worker.config.settings.client(req),
        prediction,
        came_by: None,
        decided_at: worker.now(),
        callback_cache: CallbackCache::default(),
        worker,
    };
    let state = Rc::new(RequestState::new(predicted, Phase::Admitted, rules));
    LimiterStack::push(req, &state);
    Some(state)
}

/// Returns whether the app of this request has a limiter right around its router that lets requests pass.
pub(crate) fn may_have_passed(req: &ServiceRequest) -> bool {
    passing_limiter(req).is_some()
}

/// Returns the limiter right around the router of this app, if it lets requests pass.
pub(crate) fn limiter_of_app(req: &ServiceRequest) -> Option<Arc<Shared>> {
    passing_worker(req).map(|worker| Arc::clone(&worker.shared))
}

/// Returns the worker of that limiter.
pub(super) fn passing_worker(req: &ServiceRequest) -> Option<Rc<Worker>> {
    Some(Rc::clone(&passing_limiter(req)?.borrow()))
}

fn passing_limiter(req: &ServiceRequest) -> Option<Rc<PassingLimiter>> {
    let app = ptr::from_ref(req.resource_map());
    let find = |apps: &Vec<(*const ResourceMap, Weak<PassingLimiter>)>| {
        apps.iter().filter(|(of, _)| *of == app).find_map(|(_, limiter)| limiter.upgrade())
    };
    APPS.with_borrow(find)
}

/// Notes that a limiter lets requests of this app pass.
#[cold]
pub(crate) fn note_app(req: &ServiceRequest, limiter: &Rc<PassingLimiter>) {
    APPS.with_borrow_mut(|apps| {
        apps.retain(|(_, limiter)| limiter.strong_count() > 0);
        apps.push((ptr::from_ref(req.resource_map()), Rc::downgrade(limiter)));
    });
}

/// Returns an identity that no other request has at the same time.
#[inline]
fn identity(req: &ServiceRequest) -> *const () {
    ptr::from_ref(req.head()).cast()
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        panic::{AssertUnwindSafe, catch_unwind},
    };

    use actix_web::{
        App,
        dev::Service,
        test::{TestRequest, call_service, init_service},
        web,
    };
    use futures_util::future::LocalBoxFuture;

    use super::{APPS, Call, UNCONFIRMED};
    use crate::{Exempt, Limiter, ScopeExt};

    #[actix_web::test]
    async fn apps_that_are_gone_leave_nothing_behind() {
        for _ in 0..5 {
            let app = App::new().wrap(Limiter::default()).route("/", web::get().to(|| async { "ok" }));
            let app = init_service(app).await;
            for _ in 0..2 {
                assert!(call_service(&app, TestRequest::default().to_request()).await.status().is_success());
            }
        }
        assert_eq!(APPS.with_borrow(Vec::len), 1, "the last one");
    }

    /// Middleware in front of each exempt scope may answer later by itself.
    #[actix_web::test]
    async fn a_request_that_ends_leaves_the_others() {
        let scope = |path| {
            let inner = web::scope("/in").exempt(Exempt::ALL).route("/x", web::get().to(|| async { "ok" }));
            web::scope(path).service(inner).wrap_fn(|req, inner| -> LocalBoxFuture<'static, _> {
                if req.headers().contains_key("x-wait") {
                    return Box::pin(pending());
                }
                Box::pin(inner.call(req))
            })
        };
        let app = App::new()
            .wrap(Limiter::default())
            .service(scope("/a"))
            .service(scope("/b"))
            .service(scope("/c"));
        let app = init_service(app).await;
        let request = |path| TestRequest::with_uri(path);
        for path in ["/a/in/x", "/b/in/x", "/c/in/x"] {
            assert!(call_service(&app, request(path).to_request()).await.status().is_success());
        }
        let waits = |path| app.call(request(path).insert_header(("x-wait", "1")).to_request());
        let (one, other, third) = (waits("/a/in/x"), waits("/b/in/x"), waits("/c/in/x"));
        assert_eq!(UNCONFIRMED.with_borrow(Vec::len), 3);
        drop(one);
        assert_eq!(UNCONFIRMED.with_borrow(Vec::len), 2);
        drop((other, third));
        assert_eq!(UNCONFIRMED.with_borrow(Vec::len), 0);
    }

    /// Otherwise no later request of this thread could pass without a state.
    #[actix_web::test]
    async fn a_panic_ends_the_call() {
        let panics = web::scope("/in").exempt(Exempt::ALL).wrap_fn(|req, inner| {
            assert!(!req.headers().contains_key("x-panic"), "as asked");
            inner.call(req)
        });
        let panics = panics.route("/x", web::get().to(|| async { "ok" }));
        let app = init_service(App::new().wrap(Limiter::default()).service(panics)).await;
        let request = || TestRequest::with_uri("/in/x");
        for _ in 0..3 {
            assert!(call_service(&app, request().to_request()).await.status().is_success());
        }
        let call = || drop(app.call(request().insert_header(("x-panic", "1")).to_request()));
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "it was called at once");
        assert!(!Call::is_running());
        assert!(call_service(&app, request().to_request()).await.status().is_success());
    }
}
