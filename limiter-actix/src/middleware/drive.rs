use std::rc::Rc;

use actix_service::Service;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};

use super::future::{LimiterFuture, refused};
use crate::request::{
    correction::Bans,
    early_drop::OnEarlyDrop,
    grants::{grant_anew, suspend},
    pending::{PendingDecision, Progress},
};

/// Decides a request, and calls the service if it is admitted. Nothing is awaited first if counts are in memory.
///
/// `guard` returns the guard of a new admission.
#[inline]
pub(super) fn drive<S, B, P>(
    service: &Rc<S>,
    req: ServiceRequest,
    pending: P,
    guard: impl FnOnce(P::Admitted) -> Option<OnEarlyDrop> + 'static,
) -> LimiterFuture<S::Future, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    P: PendingDecision + 'static,
    B: MessageBody + 'static,
{
    let pending = match pending.decide_now(&req) {
        Progress::Done(Ok(admitted)) => {
            return match guard(admitted) {
                Some(guard) => {
                    let response = service.call(req);
                    guard.note_call();
                    LimiterFuture::admitted(response, guard)
                }
                None => LimiterFuture::passing(service.call(req)),
            };
        }
        Progress::Done(Err(refusal)) => return LimiterFuture::refused(req, refusal),
        Progress::Waits(pending) => pending,
    };
    suspend(&req);
    let service = Rc::clone(service);
    LimiterFuture::boxed(async move {
        let mut guard = match pending.decide_later(&req).await {
            Ok(admitted) => guard(admitted),
            Err(refusal) => return Ok(refused(req, *refusal)),
        };
        let granted = match grant_anew(Bans::Apply, &req).await {
            Ok(granted) => granted,
            Err(refusal) => {
                let mut response = Ok(refused(req, *refusal));
                if let Some(guard) = &mut guard {
                    guard.settle(&mut response);
                }
                return response;
            }
        };
        let response = service.call(req);
        granted.note_call();
        let response = response.await;
        match guard {
            Some(mut guard) => guard.finish(response),
            None => response.map(ServiceResponse::map_into_left_body),
        }
    })
}
