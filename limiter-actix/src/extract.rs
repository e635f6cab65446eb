//! Limits that a handler decides to check.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, ServiceRequest},
};

use crate::{
    Breach, CurrentLimits,
    report::current::Current,
    request::{check::check, stack::LimiterStack},
};

/// Checks the limits of the request at hand, when the handler says so; for limiters that do not by themselves
/// ([`auto_check(false)`](crate::LimiterBuilder::auto_check)).
///
/// ```
/// use actix_web::{Error, HttpResponse, get, web};
/// use limiter_actix::{LimitCheck, limit};
///
/// #[limit("5/minute")]
/// #[get("/reports/{id}")]
/// async fn report(id: web::Path<u32>, limits: LimitCheck) -> Result<HttpResponse, Error> {
///     if *id > 1000 {
///         return Ok(HttpResponse::NotFound().finish());
///     }
///     limits.check().await?;
///     Ok(HttpResponse::Ok().finish())
/// }
/// ```
#[derive(Debug)]
pub struct LimitCheck(HttpRequest);

impl LimitCheck {
    /// Takes from all limits that apply to the request, or from none. Only the first call does; later ones,
    /// and those of requests that have been decided, tell how the limits stand.
    ///
    /// # Errors
    ///
    /// The response to a refused request.
    pub async fn check(&self) -> Result<CurrentLimits, Error> {
        let req = ServiceRequest::from_request(self.0.clone());
        if let Err(refusal) = check(&req).await {
            return Err(refusal.into_error(&req));
        }
        Ok(CurrentLimits::of(&self.0))
    }
}

impl FromRequest for LimitCheck {
    type Error = Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(req.clone())))
    }
}

impl CurrentLimits {
    /// The limits of a request, those of the outermost limiter and level first. For a refused request they are
    /// as they stood when it was refused.
    pub fn of(req: &HttpRequest) -> Self {
        let extensions = req.extensions();
        let mut current = Current::new();
        if let Some(stack) = extensions.get::<LimiterStack>() {
            stack.limiters.iter().for_each(|state| state.add_current(&mut current));
        }
        if let Some(breach) = extensions.get::<Breach>() {
            current.extend(breach.limits().iter().cloned());
        }
        Self::new(current.into_vec())
    }
}

impl FromRequest for CurrentLimits {
    type Error = Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(req)))
    }
}
