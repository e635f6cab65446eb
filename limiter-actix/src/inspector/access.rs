//! The permissions to view and to change.

use actix_web::{HttpRequest, http::header::HeaderValue};

/// The permission of a request to the inspector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access(Permission);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Permission {
    Denied,
    View(String),
    Change(String),
}

impl Access {
    /// Denies the request.
    #[must_use]
    pub fn denied() -> Self {
        Self(Permission::Denied)
    }

    /// Permits to view. `operator` identifies the person or the program in the log.
    #[must_use]
    pub fn view(operator: impl Into<String>) -> Self {
        Self(Permission::View(operator.into()))
    }

    /// Permits to view and to change. `operator` identifies the person or the program in the log.
    #[must_use]
    pub fn change(operator: impl Into<String>) -> Self {
        Self(Permission::Change(operator.into()))
    }

    /// Returns the operator, or `None` if the request is denied.
    pub(super) fn operator(&self) -> Option<&str> {
        match &self.0 {
            Permission::Denied => None,
            Permission::View(operator) | Permission::Change(operator) => Some(operator),
        }
    }

    pub(super) fn may_change(&self) -> bool {
        matches!(self.0, Permission::Change(_))
    }
}

/// Decides about requests to the inspector: a function of the request, or [`InspectorTokens`](crate::InspectorTokens).
pub trait Authorize: 'static {
    /// Returns the permission of a request.
    fn access(&self, req: &HttpRequest) -> Access;

    /// Returns the value of `WWW-Authenticate` for denied requests, whose status is then 401. Defaults to none, so that
    /// it is 403.
    #[doc(hidden)]
    fn challenge(&self) -> Option<HeaderValue> {
        None
    }
}

impl<F: Fn(&HttpRequest) -> Access + 'static> Authorize for F {
    fn access(&self, req: &HttpRequest) -> Access {
        self(req)
    }
}
