//! Marks the scopes with rules, so that requests that entered them are recognised.

use std::cell::Cell;

use actix_service::ServiceFactory;
use actix_web::{Error, Scope, dev::ServiceRequest};

use crate::plan::key::RuleId;

/// A value in the app data of a scope with rules. Identifies the scope by the first of its rules.
///
/// A request with this value has entered the middleware of the scope. That middleware may respond before the
/// witness runs.
pub(crate) struct ScopeMarker(pub(crate) RuleId);

thread_local! {
    /// The id of the last marker that was dropped.
    static DROPPED: Cell<Option<RuleId>> = const { Cell::new(None) };
}

impl Drop for ScopeMarker {
    fn drop(&mut self) {
        DROPPED.set(Some(self.0));
    }
}

/// Marks a scope that is about to get `rule`. Returns the id of the first rule on the scope.
///
/// actix offers no way to read the app data of a scope. But if an earlier rule has left a marker there, the new
/// marker replaces it, and the earlier one is dropped.
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
