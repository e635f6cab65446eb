//! The middleware of a limiter.

use std::{
    any::type_name,
    cell::RefCell,
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_service::{Service, Transform, forward_ready};
use actix_web::{
    Error,
    body::EitherBody,
    dev::{ServiceRequest, ServiceResponse},
};

use super::{drive::drive, future::LimiterFuture};
use crate::{
    Limiter,
    limiter::{multi_process, worker::Worker},
    request::admission::Admission,
};

/// The services by which actix routes in an app and in a scope. A limiter right around one of these knows that a request
/// which it does not see again has been routed.
const ROUTERS: [&str; 2] = ["actix_web::app_service::AppRouting", "actix_web::scope::ScopeService"];

impl<S, B> Transform<S, ServiceRequest> for Limiter
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = LimiterService<S>;
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        multi_process::warn_if_detected(&self.config().settings);
        let is_next_to_router = ROUTERS.contains(&type_name::<S>());
        let worker = Rc::new(Worker::new(Arc::clone(&self.shared), is_next_to_router));
        ready(Ok(LimiterService { service: Rc::new(service), worker: RefCell::new(worker) }))
    }
}

/// The service of a [`Limiter`].
pub struct LimiterService<S> {
    service: Rc<S>,
    worker: RefCell<Rc<Worker>>,
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

impl<S, B> Service<ServiceRequest> for LimiterService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LimiterFuture<S::Future, B>;

    forward_ready!(service);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        match Admission::prepare(&self.worker(), &req) {
            Ok(Some(admission)) => drive(&self.service, req, admission, Some),
            Ok(None) => LimiterFuture::passing(self.service.call(req)),
            Err(refusal) => LimiterFuture::refused(req, refusal.response),
        }
    }
}
