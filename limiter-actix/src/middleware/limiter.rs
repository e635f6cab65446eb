//! The middleware of a limiter.

use std::{
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

use super::future::{LimiterFuture, refused};
use crate::{
    Limiter,
    limiter::{multi_process, worker::Worker},
    request::admission::Admission,
    settings::backend::Backend,
};

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
        let worker = Rc::new(Worker::new(Arc::clone(&self.shared)));
        ready(Ok(LimiterService { service: Rc::new(service), worker: RefCell::new(worker) }))
    }
}

/// The service of a [`Limiter`].
pub struct LimiterService<S> {
    service: Rc<S>,
    worker: RefCell<Rc<Worker>>,
}

impl<S> LimiterService<S> {
    /// The limiter as this worker has it, made anew when other settings are in force.
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
        let worker = self.worker();
        let Some(mut admission) = Admission::prepare(&worker, &req) else {
            return LimiterFuture::passing(self.service.call(req));
        };
        if let Some(response) = admission.failure() {
            return LimiterFuture::refused(req, response);
        }
        match &worker.config.settings.storage {
            Backend::Memory(memory) => {
                let decision = admission.run_memory(memory);
                match admission.conclude(&req, &decision) {
                    Ok(state) => LimiterFuture::admitted(self.service.call(req), state),
                    Err(response) => LimiterFuture::refused(req, *response),
                }
            }
            Backend::Remote { .. } => {
                let service = Rc::clone(&self.service);
                LimiterFuture::boxed(async move {
                    let decision = match admission.run(&req).await {
                        Ok(decision) => decision,
                        Err(why) => {
                            let response = admission.undecided(why, &req);
                            return Ok(refused(req, response));
                        }
                    };
                    match admission.conclude(&req, &decision) {
                        Ok(state) => {
                            let response = service.call(req).await;
                            state.settle(response).map(ServiceResponse::map_into_left_body)
                        }
                        Err(response) => Ok(refused(req, *response)),
                    }
                })
            }
        }
    }
}
