//! Which scopes with rules a request has entered.

use std::cell::Cell;

use actix_service::ServiceFactory;
use actix_web::{Error, Scope, dev::ServiceRequest};

use crate::plan::key::RuleId;

/// Lies in the app data of a scope with a rule, and names the scope by the first of its rules. A request that
/// finds it has come to the middleware of this scope, which may answer before the witness is asked.
pub(crate) struct ScopeMarker(pub(crate) RuleId);

thread_local! {
    /// The last that was dropped.
    static DROPPED: Cell<Option<RuleId>> = const { Cell::new(None) };
}

impl Drop for ScopeMarker {
    fn drop(&mut self) {
        DROPPED.set(Some(self.0));
    }
}

/// Marks a scope on which `rule` is about to stand; returns the first of the rules on it.
///
/// actix does not tell what lies in the app data of a scope. But when the mark of an earlier rule is there,
/// the new one takes its place, and the earlier one is dropped.
pub(crate) fn attach<T>(scope: Scope<T>, rule: RuleId) -> (Scope<T>, RuleId)
where
    T: ServiceFactory<ServiceRequest, Config = (), Error = Error, InitError = ()>,
{
    DROPPED.set(None);
    let scope = scope.app_data(ScopeMarker(rule));
    match DROPPED.get() {
        Some(first) => (scope.app_data(ScopeMarker(first)), first),
        None => (scope, rule),
    }
}
