//! What stands on a limited or exempt route or scope, and tells the limiter that a request has met its rule.
//!
//! Where that was expected, that is all. Where it was not, since another pattern hides the rule or only a
//! guard could tell, the rule is applied there and then.

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

use super::future::{LimiterFuture, refused};
use crate::{
    plan::key::RuleId,
    request::{
        correction::Correction,
        state::{LimiterStack, RequestState},
    },
    routing::registered::{Position, RegisteredRule},
    settings::backend::Backend,
};

/// Reports that a rule was met.
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
        let Some(state) = self.witness.report(&req) else {
            return LimiterFuture::passing(self.service.call(req));
        };
        let mut correction = Correction::at(&state, self.witness.position, &req);
        if let Some(response) = correction.failure(&state) {
            return LimiterFuture::refused(req, response);
        }
        match &state.worker.config.settings.storage {
            Backend::Memory(memory) => {
                let decision = correction.query(&state).run_memory(memory);
                match correction.conclude(&state, &req, &decision) {
                    Some(response) => LimiterFuture::refused(req, response),
                    None => LimiterFuture::passing(self.service.call(req)),
                }
            }
            Backend::Remote { .. } => {
                let service = Rc::clone(&self.service);
                LimiterFuture::boxed(async move {
                    let decision = match correction.run(&state, &req).await {
                        Ok(decision) => decision,
                        Err(why) => {
                            let response = correction.undecided(why, &state, &req);
                            return Ok(refused(req, response));
                        }
                    };
                    match correction.conclude(&state, &req, &decision) {
                        Some(response) => Ok(refused(req, response)),
                        None => Ok(service.call(req).await?.map_into_left_body()),
                    }
                })
            }
        }
    }
}

impl Witness {
    /// Reports to the limiters of the request; returns the one whose charges are not right yet.
    fn report(&self, req: &ServiceRequest) -> Option<Rc<RequestState>> {
        let rule = self.rule.as_ref()?.id;
        let extensions = req.extensions();
        let stack = extensions.get::<LimiterStack>();
        let limiters = stack.map_or(&[][..], |stack| &stack.limiters);
        let Some((nearest, others)) = limiters.split_last() else {
            let is_skipped = stack.is_some_and(|stack| stack.is_skipped);
            drop(extensions);
            if !is_skipped {
                self.met_no_limiter(rule, req);
            }
            return None;
        };
        for other in others {
            other.note_rule(rule);
        }
        let is_expected = nearest.note_rule(rule);
        (!is_expected && !nearest.is_final.get()).then(|| Rc::clone(nearest))
    }

    /// A limiter may still follow inside a scope, but not inside a route.
    #[cold]
    fn met_no_limiter(&self, rule: RuleId, req: &ServiceRequest) {
        static LOGGED: Once = Once::new();
        if self.position == Position::Scope {
            LimiterStack::change(req, |stack| stack.unclaimed_rules.push(rule));
            return;
        }
        LOGGED.call_once(|| {
            tracing::warn!(
                code = "L010",
                path = req.match_pattern(),
                "a handler has a limit or an exemption, but its app has no Limiter: nothing is limited; \
                 add `.wrap(Limiter::default())`"
            );
        });
    }
}
