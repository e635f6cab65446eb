//! The middleware.

pub(crate) mod call_site;
mod exposed;
mod multi_process;
#[cfg(feature = "config-file")]
mod reload;
pub(crate) mod shared;
pub(crate) mod worker;

use std::{
    cell::RefCell,
    convert::Infallible,
    future::{Ready, ready},
    panic::Location,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
};

use actix_service::{Service, Transform, forward_ready};
use actix_web::{
    Error,
    body::EitherBody,
    dev::{ServiceRequest, ServiceResponse},
};

use self::{shared::Live, worker::Local};
use crate::{
    LimiterBuilder,
    middleware::future::LimiterFuture,
    middleware::future::refused,
    settings::{Backend, Config},
};

/// The middleware that holds the limits of an app, or of a scope.
///
/// ```
/// use actix_web::{App, Responder, get};
/// use limiter_actix::{Limiter, limit};
///
/// #[limit("5/minute")]
/// #[get("/")]
/// async fn index() -> impl Responder {
///     "hello"
/// }
///
/// let app = App::new().wrap(Limiter::default()).service(index);
/// # let _ = app;
/// ```
///
/// Cloning is cheap, and clones share all counts. So do limiters that are made by one and the same call of
/// [`default`](Self::default) or [`build`](LimiterBuilder::build) inside the closure given to
/// `HttpServer::new`, which runs once for each worker: they count once per server. Two servers that run in
/// one process under the same actix `System`, with their limiters made by the same line of code, share counts
/// too; build one limiter for each and clone it where that is not wanted.
#[derive(Clone, Debug)]
pub struct Limiter {
    pub(crate) live: Arc<Live>,
}

impl Limiter {
    /// Starts to build a limiter.
    pub fn builder() -> LimiterBuilder {
        LimiterBuilder::new()
    }

    /// Switches the limiter on or off, for all its clones, while it is running. What is off counts nothing.
    pub fn set_enabled(&self, enabled: bool) {
        self.live.set_enabled(enabled);
    }

    /// Whether the limiter is switched on.
    pub fn is_enabled(&self) -> bool {
        self.config().enabled.load(Ordering::Relaxed)
    }

    /// What is in force now.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.live.config()
    }
}

impl Default for Limiter {
    /// A limiter that keeps counts in memory, in fixed windows, by the client's address, and has no default
    /// limits: those of attributes and scopes hold.
    #[track_caller]
    fn default() -> Self {
        let builder = LimiterBuilder::new();
        let Ok(live) =
            crate::limiter::call_site::at::<Infallible>(Location::caller(), builder.looks(), || {
                Ok(Arc::new(Live::new(builder.clone().config_as_is())))
            });
        Self { live }
    }
}

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
        crate::limiter::multi_process::look(&self.config().settings);
        let local = Rc::new(Local::new(Arc::clone(&self.live)));
        ready(Ok(LimiterService { service: Rc::new(service), local: RefCell::new(local) }))
    }
}

/// The service of a [`Limiter`].
pub struct LimiterService<S> {
    service: Rc<S>,
    local: RefCell<Rc<Local>>,
}

impl<S> LimiterService<S> {
    /// The limiter as this worker has it, made anew when other settings are in force.
    fn local(&self) -> Rc<Local> {
        let mut local = self.local.borrow_mut();
        if !local.live.is_in_force(&local.config) {
            *local = Rc::new(local.renewed());
        }
        Rc::clone(&local)
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
        let local = self.local();
        let Some(mut pending) = local.prepare(&req) else {
            return LimiterFuture::passing(self.service.call(req));
        };
        if let Some(response) = pending.failure() {
            return LimiterFuture::refused(req, response);
        }
        match &local.config.settings.storage {
            Backend::Memory(memory) => {
                let decision = pending.ask_memory(memory);
                match pending.conclude(&req, &decision) {
                    Ok(ticket) => LimiterFuture::ticketed(self.service.call(req), ticket),
                    Err(response) => LimiterFuture::refused(req, *response),
                }
            }
            Backend::Remote { .. } => {
                let service = Rc::clone(&self.service);
                LimiterFuture::boxed(async move {
                    let decision = match pending.ask(&req).await {
                        Ok(decision) => decision,
                        Err(why) => {
                            let response = pending.undecided(why, &req);
                            return Ok(refused(req, response));
                        }
                    };
                    match pending.conclude(&req, &decision) {
                        Ok(ticket) => {
                            let response = service.call(req).await;
                            ticket.settle(response).map(ServiceResponse::map_into_left_body)
                        }
                        Err(response) => Ok(refused(req, *response)),
                    }
                })
            }
        }
    }
}
