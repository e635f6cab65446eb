//! The middleware of rules, on limited or exempt routes and scopes. It reports to the limiters that a request has met
//! its rule.
//!
//! If the rule was predicted, that is all. Otherwise another pattern hides the rule, or a guard decides, and the
//! witness corrects the charges before the handler is called.

use std::{
    cell::RefCell,
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_service::{Service, Transform, forward_ready};
use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
};
use limiter_core::log::{Throttle, event};

use super::{
    drive::drive,
    future::{LimiterFuture, refused},
};
use crate::{
    plan::key::RuleId,
    request::{
        call,
        correction::{Bans, Correction, complete},
        early_drop::OnEarlyDrop,
        grants::{GrantedStates, grant_anew, suspend},
        pending::{PendingDecision, Progress},
        refuse::Refusal,
        stack::{LimiterStack, RequestLimiters, RuleCoverage, UncoveredStates},
        state::RequestState,
    },
    routing::registered::{Position, RegisteredRule},
};

/// Reports that a request has met a rule.
#[derive(Clone)]
pub struct Witness {
    rule: Option<Arc<RegisteredRule>>,
    position: Position,
}

thread_local! {
    /// The rule whose handler is being registered, for the `wrap` of its route attribute.
    static REGISTERING: RefCell<Option<Arc<RegisteredRule>>> = const { RefCell::new(None) };
}

impl Witness {
    pub(crate) fn new(rule: Arc<RegisteredRule>, position: Position) -> Self {
        Self { rule: Some(rule), position }
    }

    /// The witness of the rule that is being registered.
    pub(crate) fn of_registration() -> Self {
        Self { rule: REGISTERING.with_borrow(Clone::clone), position: Position::Resource }
    }
}

/// Runs `register`, in which [`Witness::of_registration`] knows the rule.
pub(crate) fn while_registering(rule: &Arc<RegisteredRule>, register: impl FnOnce()) {
    let outer = REGISTERING.replace(Some(Arc::clone(rule)));
    register();
    REGISTERING.set(outer);
}

impl<S, B> Transform<S, ServiceRequest> for Witness
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = WitnessService<S>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(WitnessService { service: Rc::new(service), witness: self.clone() }))
    }
}

/// The service of a [`Witness`].
pub struct WitnessService<S> {
    service: Rc<S>,
    witness: Witness,
}

impl<S, B> Service<ServiceRequest> for WitnessService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LimiterFuture<S::Future, B>;

    forward_ready!(service);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        match self.witness.report(&req) {
            Report::Covered => LimiterFuture::passing(self.service.call(req)),
            Report::Uncovered(states) => self.correct(states, req),
            Report::Late(state) => {
                let correction = Correction::new(Rc::clone(&state), self.witness.position, &req);
                drive(&self.service, req, correction, move |()| Some(OnEarlyDrop::new(state)))
            }
            Report::Unclaimed => {
                let response = self.service.call(req);
                LimiterFuture::boxed(async move {
                    let response = response.await?;
                    warn_if_unclaimed(response.request());
                    Ok(response.map_into_left_body())
                })
            }
        }
    }
}

impl<S, B> WitnessService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    /// Corrects the charges of limiters, the outermost first, and calls the service. Nothing is awaited first if counts are
    /// in memory.
    fn correct(&self, states: UncoveredStates, req: ServiceRequest) -> LimiterFuture<S::Future, B> {
        let position = self.witness.position;
        let mut states = states.into_iter();
        while let Some(state) = states.next() {
            let decided = prepare(state, position, &req).map(|correction| correction.decide_now(&req));
            let first = match decided {
                Ok(Progress::Done(Ok(()))) => continue,
                Ok(Progress::Done(Err(refusal))) | Err(refusal) => {
                    return LimiterFuture::refused(req, refusal);
                }
                Ok(Progress::Waits(correction)) => correction,
            };
            suspend(&req);
            let service = Rc::clone(&self.service);
            return LimiterFuture::boxed(async move {
                match correct_later(first, states, position, &req).await {
                    Ok(granted) => {
                        let response = service.call(req);
                        granted.note_call();
                        response.await.map(ServiceResponse::map_into_left_body)
                    }
                    Err(refusal) => Ok(refused(req, *refusal)),
                }
            });
        }
        LimiterFuture::passing(self.service.call(req))
    }
}

/// Prepares the correction of the charges of a limiter, unless the client is banned there.
fn prepare(
    state: Rc<RequestState>,
    position: Position,
    req: &ServiceRequest,
) -> Result<Correction, Box<Refusal>> {
    Correction::new(state, position, req).unless_banned(bans_at(position), req)
}

/// At a scope, an exemption may still follow.
fn bans_at(position: Position) -> Bans {
    match position {
        Position::Scope => Bans::Later,
        Position::Resource => Bans::Apply,
    }
}

/// Makes a correction, and those of other limiters after it, wherever counts are.
async fn correct_later(
    first: Correction,
    others: impl Iterator<Item = Rc<RequestState>>,
    position: Position,
    req: &ServiceRequest,
) -> Result<GrantedStates, Box<Refusal>> {
    let bans = bans_at(position);
    complete(first, bans, req).await?;
    for state in others {
        let correction = prepare(state, position, req)?;
        suspend(req);
        complete(correction, bans, req).await?;
    }
    grant_anew(bans, req).await
}

/// The state of the rule of a witness, seen by the limiters around it.
enum Report {
    /// The charges are right.
    Covered,
    /// The charges of these limiters need a correction.
    Uncovered(UncoveredStates),
    /// The same, of a limiter that has let the request pass without keeping its state. It ends here.
    Late(Rc<RequestState>),
    /// There is no limiter yet. One on the very route or resource may follow.
    Unclaimed,
}

impl Witness {
    /// Reports to the limiters of the request.
    fn report(&self, req: &ServiceRequest) -> Report {
        let Some(rule) = self.rule.as_ref().map(|rule| rule.id) else { return Report::Covered };
        if call::meet(req, rule, self.position) == Some(true) {
            return Report::Covered;
        }
        match RequestLimiters::note(req, rule, self.position) {
            Some(RuleCoverage::Covered) => Report::Covered,
            Some(RuleCoverage::Uncovered(states)) => Report::Uncovered(states),
            None => self.report_without_limiter(rule, req),
        }
    }

    /// Reports a rule of a request of which no limiter keeps a state.
    #[cold]
    fn report_without_limiter(&self, rule: RuleId, req: &ServiceRequest) -> Report {
        let late = call::keep(req);
        let noted = RequestLimiters::note(req, rule, self.position);
        match (noted, late) {
            (Some(RuleCoverage::Covered), None) => Report::Covered,
            (Some(RuleCoverage::Uncovered(states)), None) => Report::Uncovered(states),
            (Some(_), Some(state)) => Report::Late(state),
            (None, _) => self.leave_unclaimed(rule, req),
        }
    }

    /// Leaves a rule that no limiter has seen to a limiter further in.
    #[cold]
    fn leave_unclaimed(&self, rule: RuleId, req: &ServiceRequest) -> Report {
        LimiterStack::add_unclaimed(req, rule);
        match self.position {
            Position::Scope => Report::Covered,
            Position::Resource => Report::Unclaimed,
        }
    }
}

/// Logs once that a handler with a rule has responded without any limiter.
fn warn_if_unclaimed(req: &HttpRequest) {
    static LOGGED: Throttle = Throttle::once("L010");
    let extensions = req.extensions();
    if extensions.get::<RequestLimiters>().is_none_or(RequestLimiters::is_claimed) {
        return;
    }
    event!(
        LOGGED.permit_now(),
        WARN,
        path = req.match_pattern().as_deref(),
        "a handler has a limit or an exemption, but its app has no `Limiter`: nothing is limited; add \
         `.wrap(Limiter::default())`"
    );
}
