//! Limits that a handler decides to check.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, ServiceRequest},
    error::InternalError,
};

use crate::{
    Breach, CurrentLimits,
    request::{
        correction::Correction,
        state::{Ticket, Tickets},
    },
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
        let tickets = self.0.extensions().get::<Tickets>().cloned().unwrap_or_default();
        let req = ServiceRequest::from_request(self.0.clone());
        for ticket in tickets.of_limiters.iter().filter(|ticket| ticket.is_unchecked.get()) {
            let mut correction = Correction::new(ticket, &req);
            if let Some(response) = correction.failure(ticket) {
                return Err(InternalError::from_response("a limit could not be told", response).into());
            }
            let turn = Turn::begin(ticket);
            let answer = correction.ask(ticket, &req).await;
            turn.end();
            let decision = match answer {
                Ok(decision) => decision,
                Err(why) => {
                    let response = correction.undecided(why, ticket, &req);
                    return Err(
                        InternalError::from_response("the limits could not be checked", response).into()
                    );
                }
            };
            if let Some(response) = correction.conclude(ticket, &req, &decision) {
                let message = req.extensions().get::<Breach>().map(|breach| breach.message().to_owned());
                return Err(InternalError::from_response(message.unwrap_or_default(), response).into());
            }
        }
        Ok(CurrentLimits::of(&self.0))
    }
}

/// The turn of one who asks for the decision. When it is given up before there is one, such as by a timeout, the
/// next one has to ask again: nothing was decided.
struct Turn<'a> {
    ticket: &'a Ticket,
    is_over: bool,
}

impl<'a> Turn<'a> {
    fn begin(ticket: &'a Ticket) -> Self {
        Self { ticket, is_over: false }
    }

    fn end(mut self) {
        self.is_over = true;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.ticket.is_unchecked.set(true);
        }
    }
}

impl FromRequest for LimitCheck {
    type Error = Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(req.clone())))
    }
}
