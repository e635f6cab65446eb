//! The middleware of a limiter.

use std::{
    any::type_name,
    cell::{Cell, RefCell},
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_service::{Service, Transform, forward_ready};
use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
};

use super::{
    drive::drive,
    future::{LimiterFuture, refused},
};
use crate::{
    Limiter,
    limiter::{multi_process, worker::Worker},
    request::{
        arrival::Arrival,
        call::{self, Call},
        carrier::Carriers,
        correction::Bans,
        early_drop::OnEarlyDrop,
        grants::{grant_anew, suspend},
        passing::PassingRequest,
        straight::Straight,
    },
};

/// The services by which actix routes in an app and in a scope. A limiter right around one of these knows that a request
/// which it does not see again has been routed.
const ROUTER_OF_APP: &str = "actix_web::app_service::AppRouting";
const ROUTER_OF_SCOPE: &str = "actix_web::scope::ScopeService";

impl<S, B> Transform<S, ServiceRequest> for Limiter
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = LimiterService<S>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        multi_process::warn_if_detected(&self.config().settings);
        let inner = type_name::<S>();
        let is_around_app = inner == ROUTER_OF_APP;
        let is_next_to_router = is_around_app || inner == ROUTER_OF_SCOPE;
        let worker = Rc::new(Worker::new(Arc::clone(&self.shared), is_next_to_router, is_around_app));
        let worker = Rc::new(RefCell::new(worker));
        let (has_noted_app, carriers) = (Cell::new(false), Rc::default());
        ready(Ok(LimiterService { service: Rc::new(service), worker, has_noted_app, carriers }))
    }
}

/// The service of a [`Limiter`].
pub struct LimiterService<S> {
    service: Rc<S>,
    worker: Rc<RefCell<Rc<Worker>>>,
    /// `true` once requests that this limiter lets pass are known to be its own.
    has_noted_app: Cell<bool>,
    /// They keep the workers of earlier requests, so the worker does not have them.
    carriers: Rc<Carriers>,
}

impl<S> LimiterService<S> {
    /// Returns the limiter of this worker, with the current settings.
    fn worker(&self) -> Rc<Worker> {
        let mut worker = self.worker.borrow_mut();
        if !worker.shared.is_current(&worker.config) {
            *worker = Rc::new(worker.with_current_settings());
        }
        Rc::clone(&worker)
    }
}

impl<S, B> LimiterService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    #[inline]
    fn call_without_limits(
        &self,
        passing: PassingRequest,
        req: ServiceRequest,
    ) -> LimiterFuture<S::Future, B> {
        if !self.has_noted_app.replace(true) {
            call::note_app(&req, &self.worker);
        }
        let call = Call::begin(passing, &req);
        let response = self.service.call(req);
        match call.end() {
            None => LimiterFuture::passing(response),
            Some(guard) => {
                guard.note_call();
                LimiterFuture::admitted(response, guard)
            }
        }
    }

    #[inline]
    fn call_admitted(&self, guard: OnEarlyDrop, req: ServiceRequest) -> LimiterFuture<S::Future, B> {
        let response = self.service.call(req);
        guard.note_call();
        LimiterFuture::admitted(response, guard)
    }

    /// Calls the service with a request that cannot go the straight way.
    fn call_in_general(&self, worker: &Rc<Worker>, req: ServiceRequest) -> LimiterFuture<S::Future, B> {
        let settings = &worker.config.settings;
        if !worker.is_enabled() || settings.async_filters.is_empty() && !worker.table(&req).awaits_proof(&req)
        {
            return call_in_general(&self.service, worker, req);
        }
        let (service, worker) = (Rc::clone(&self.service), Rc::clone(worker));
        LimiterFuture::boxed(async move {
            worker.config.settings.call_async_filters(&req).await;
            worker.table(&req).await_proof(&req).await;
            call_in_general(&service, &worker, req).await
        })
    }
}

fn call_in_general<S, B>(
    service: &Rc<S>,
    worker: &Rc<Worker>,
    req: ServiceRequest,
) -> LimiterFuture<S::Future, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let Some(mut arrival) = Arrival::predict(worker, &req) else {
        return LimiterFuture::passing(service.call(req));
    };
    if !arrival.awaits_functions(&req) {
        return admit(service, arrival, req);
    }
    // The future may be polled after others have come.
    arrival.return_credit();
    suspend(&req);
    let service = Rc::clone(service);
    LimiterFuture::boxed(async move {
        let arrival = arrival.with_answers(&req).await;
        let granted = match grant_anew(Bans::Apply, &req).await {
            Ok(granted) => granted,
            Err(refusal) => return Ok(refused(req, *refusal)),
        };
        let response = admit(&service, arrival, req);
        granted.note_call();
        response.await
    })
}

/// Admits a request whose async functions are called.
fn admit<S, B>(service: &Rc<S>, arrival: Arrival, req: ServiceRequest) -> LimiterFuture<S::Future, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    match arrival.admission(&req) {
        Ok(Some(admission)) => drive(service, req, admission, Some),
        Ok(None) => LimiterFuture::passing(service.call(req)),
        Err(refusal) => LimiterFuture::refused(req, refusal),
    }
}

impl<S, B> Service<ServiceRequest> for LimiterService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LimiterFuture<S::Future, B>;

    forward_ready!(service);

    fn call(&self, mut req: ServiceRequest) -> Self::Future {
        let worker = self.worker();
        if !worker.is_around_app {
            call::keep(&req);
        }
        let Some(straight) = Straight::find(&worker, &req) else { return self.call_in_general(&worker, req) };
        match straight.pass(&worker, &req) {
            Ok(passing) => self.call_without_limits(passing, req),
            Err(straight) => match straight.decide(&worker, &mut req, &self.carriers) {
                Some(Ok(guard)) => self.call_admitted(guard, req),
                Some(Err(refusal)) => LimiterFuture::refused(req, refusal),
                None => self.call_in_general(&worker, req),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, Scope, test::init_service};

    use super::*;

    /// Notes the type of the service that it is around.
    struct TypeOfService(Rc<Cell<&'static str>>);

    impl<S: Service<ServiceRequest>> Transform<S, ServiceRequest> for TypeOfService {
        type Response = S::Response;
        type Error = S::Error;
        type InitError = ();
        type Transform = S;
        type Future = Ready<Result<S, ()>>;

        fn new_transform(&self, service: S) -> Self::Future {
            self.0.set(type_name::<S>());
            ready(Ok(service))
        }
    }

    #[actix_web::test]
    async fn actix_routes_by_services_of_these_types() {
        let (in_app, in_scope) = (Rc::default(), Rc::default());
        let [around_app, around_scope] = [&in_app, &in_scope].map(|it| TypeOfService(Rc::clone(it)));
        let app = App::new().wrap(around_app).service(Scope::new("/a").wrap(around_scope));
        init_service(app).await;
        assert_eq!([in_app.get(), in_scope.get()], [ROUTER_OF_APP, ROUTER_OF_SCOPE]);
    }
}
