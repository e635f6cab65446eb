//! The middleware of rules, on limited or exempt routes and scopes. It reports to the limiters that a request has met
//! its rule.
//!
//! If the rule was predicted, that is all. Otherwise another pattern hides the rule, or a guard decides, and the
//! witness corrects the charges before the handler is called.

use std::{
    cell::RefCell,
    future::{Ready, ready},
    rc::Rc,
    sync::Once,
};

use actix_service::{Service, Transform, forward_ready};
use actix_web::{
    Error, HttpMessage,
    body::EitherBody,
    dev::{ServiceRequest, ServiceResponse},
};

use super::{drive::drive, future::LimiterFuture};
use crate::{
    plan::key::RuleId,
    request::{correction::Correction, stack::LimiterStack, state::RequestState},
    routing::registered::{Position, RegisteredRule},
};

/// Reports that a request has met a rule.
#[derive(Clone)]
pub struct Witness {
    rule: Option<Rc<RegisteredRule>>,
    position: Position,
}

thread_local! {
    /// The rule whose handler is being registered, for the `wrap` of its route attribute.
    static REGISTERING: RefCell<Option<Rc<RegisteredRule>>> = const { RefCell::new(None) };
}

impl Witness {
    pub(crate) fn new(rule: Rc<RegisteredRule>, position: Position) -> Self {
        Self { rule: Some(rule), position }
    }

    /// The witness of the rule that is being registered.
    pub(crate) fn of_registration() -> Self {
        Self { rule: REGISTERING.with_borrow(Clone::clone), position: Position::Resource }
    }
}

/// Runs `register`, in which [`Witness::of_registration`] knows the rule.
pub(crate) fn while_registering(rule: &Rc<RegisteredRule>, register: impl FnOnce()) {
    let outer = REGISTERING.replace(Some(Rc::clone(rule)));
    register();
    REGISTERING.set(outer);
}

impl<S, B> Transform<S, ServiceRequest> for Witness
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
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
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LimiterFuture<S::Future, B>;

    forward_ready!(service);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        match self.witness.report(&req) {
            Some(state) => {
                let correction = Correction::new(state, self.witness.position, &req);
                drive(&self.service, req, correction, |()| None)
            }
            None => LimiterFuture::passing(self.service.call(req)),
        }
    }
}

impl Witness {
    /// Reports to the limiters of the request. Returns the state of the nearest one if its charges need a correction.
    fn report(&self, req: &ServiceRequest) -> Option<Rc<RequestState>> {
        let rule = self.rule.as_ref()?.id;
        let extensions = req.extensions();
        let stack = extensions.get::<LimiterStack>();
        let limiters = stack.map_or(&[][..], |stack| &stack.limiters);
        let Some((nearest, others)) = limiters.split_last() else {
            let is_skipped = stack.is_some_and(|stack| stack.is_skipped);
            drop(extensions);
            if !is_skipped {
                self.report_unclaimed(rule, req);
            }
            return None;
        };
        for other in others {
            other.note_rule(rule);
        }
        let is_predicted = nearest.note_rule(rule);
        (!is_predicted && nearest.is_correctable()).then(|| Rc::clone(nearest))
    }

    /// Leaves a rule that no limiter has seen to a limiter further in. Inside a resource there is none.
    #[cold]
    fn report_unclaimed(&self, rule: RuleId, req: &ServiceRequest) {
        static LOGGED: Once = Once::new();
        if self.position == Position::Scope {
            LimiterStack::add_unclaimed(req, rule);
            return;
        }
        LOGGED.call_once(|| {
            tracing::warn!(
                code = "L010",
                path = req.match_pattern(),
                "a handler has a limit or an exemption, but its app has no `Limiter`: nothing is limited; add \
                 `.wrap(Limiter::default())`"
            );
        });
    }
}
