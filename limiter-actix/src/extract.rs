//! Extractors: limits checked by the handler, and the current limits.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    dev::{Payload, ServiceRequest},
};

use crate::{
    Breach, CurrentLimits, Limiter, Usage,
    report::current::Current,
    request::{
        call,
        check::{CheckError, check, warn_of_missing_limiter},
        stack::RequestLimiters,
    },
};

/// Checks the limits of a request when the handler calls it, for limiters with
/// [`auto_check(false)`](crate::LimiterBuilder::auto_check).
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
pub struct LimitCheck(HttpRequest);

/// Shows the pattern of the route, and nothing of the request: that of [`HttpRequest`] shows keys in headers.
impl fmt::Debug for LimitCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LimitCheck").field(&self.0.match_pattern()).finish()
    }
}

impl LimitCheck {
    /// Charges all limits of the request, or none, and returns their windows.
    ///
    /// Only the first call charges. Later calls, and calls for requests that are decided already, return the windows.
    /// Once the request is refused, all calls return that refusal. Calls at once have one result.
    ///
    /// # Errors
    ///
    /// Returns the response to the request if it is refused, or if its limits were not decided. If there is no
    /// [`Limiter`](crate::Limiter) around the handler, the status is 500, and the log has the code `L033`. A limiter that
    /// is switched off checks nothing, and all requests pass.
    pub async fn check(&self) -> Result<CurrentLimits, Error> {
        let req = ServiceRequest::from_request(self.0.clone());
        match check(&req).await {
            Ok(()) => Ok(CurrentLimits::of(&self.0)),
            Err(CheckError::Refused(refusal)) => Err(refusal.into_error(&req)),
            Err(CheckError::NoLimiter) => Err(MissingLimiter.into()),
        }
    }
}

/// A handler checks limits, but the app has no limiter around it. The log has the route.
#[derive(Debug, thiserror::Error)]
#[error("the limits were not checked: the app has no `Limiter` around this handler")]
struct MissingLimiter;

impl ResponseError for MissingLimiter {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::InternalServerError().finish()
    }
}

/// The limiter around the handler: the innermost one that limits the request. Use it to hit limits by name, to ban, or to
/// read the limits that apply.
///
/// ```
/// use actix_web::{HttpResponse, Result, post};
/// use limiter_actix::{Key, Limiter};
///
/// #[post("/mail")]
/// async fn mail(limiter: Limiter) -> Result<HttpResponse> {
///     let window = limiter.hit("mails", &Key::text("user", 42), 1).await?;
///     Ok(if window.is_allowed() { HttpResponse::Ok() } else { HttpResponse::TooManyRequests() }.finish())
/// }
/// ```
///
/// If there is no limiter around the handler, the status is 500, and the log has the code `L033`. A limiter below an app that
/// lets all of its requests pass, such as one that has only rules elsewhere, may be unknown to them: then it is the one
/// further out.
impl FromRequest for Limiter {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let innermost = RequestLimiters::innermost(req)
            .or_else(|| call::limiter_of_app(&ServiceRequest::from_request(req.clone())));
        let limiter = innermost.map(|shared| Self { shared }).ok_or_else(|| {
            warn_of_missing_limiter(req);
            MissingLimiter.into()
        });
        ready(limiter)
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
    /// Returns the limits of a request, those of the outermost limiter and level first.
    ///
    /// For a refused request, the windows are those at the refusal.
    pub fn of(req: &HttpRequest) -> Self {
        let extensions = req.extensions();
        let mut current = Current::new();
        RequestLimiters::add_current(req, &mut current);
        if let Some(breach) = extensions.get::<Breach>() {
            current.extend(breach.limits().iter().cloned());
        }
        Self::new(current.into_vec())
    }
}

impl FromRequest for Usage {
    type Error = Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(req)))
    }
}

impl FromRequest for CurrentLimits {
    type Error = Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(req)))
    }
}
