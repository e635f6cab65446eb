//! Options of a limit that functions of the request may tell.

use std::{fmt, sync::Arc};

use actix_web::{
    HttpResponse,
    dev::{ResponseHead, ServiceRequest},
};
use limiter_core::Key;

use super::Limit;
use crate::Breach;

pub(crate) type KeyFn = Arc<dyn Fn(&ServiceRequest) -> Key + Send + Sync>;
pub(crate) type CostFn = Arc<dyn Fn(&ServiceRequest) -> u64 + Send + Sync>;
pub(crate) type RequestPredicate = Arc<dyn Fn(&ServiceRequest) -> bool + Send + Sync>;
pub(crate) type ResponsePredicate = Arc<dyn Fn(&ResponseHead) -> bool + Send + Sync>;
pub(crate) type TextFn = Arc<dyn Fn(&ServiceRequest) -> String + Send + Sync>;
pub(crate) type BreachFn = Arc<dyn Fn(&Breach) -> Option<HttpResponse> + Send + Sync>;

/// How much a request takes.
#[derive(Clone)]
pub(crate) enum Cost {
    Fixed(u64),
    With(CostFn),
}

impl fmt::Debug for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(cost) => cost.fmt(f),
            Self::With(_) => f.write_str("fn"),
        }
    }
}

/// A text, or a function of the request that makes one.
#[derive(Clone)]
pub(crate) enum Text {
    Fixed(Arc<str>),
    With(TextFn),
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(text) => text.fmt(f),
            Self::With(_) => f.write_str("fn"),
        }
    }
}

impl Text {
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }

    pub(crate) fn of(&self, req: &ServiceRequest) -> Arc<str> {
        match self {
            Self::Fixed(text) => Arc::clone(text),
            Self::With(function) => function(req).into(),
        }
    }
}

impl Limit {
    /// What each request costs, where no function of the request has a say in anything.
    pub(crate) fn plain_cost(&self) -> Option<u64> {
        let tells = matches!(self.shared, Some(Text::With(_)));
        match self.cost {
            Cost::Fixed(cost) if self.key.is_none() && self.exempt_when.is_none() && !tells => Some(cost),
            _ => None,
        }
    }

    /// Whether both ask the same functions of the request how much is taken, by whom and in which scope.
    pub(crate) fn asks_as(&self, other: &Self) -> bool {
        let is_same_cost = match (&self.cost, &other.cost) {
            (Cost::Fixed(one), Cost::Fixed(other)) => one == other,
            (Cost::With(one), Cost::With(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        let is_same_scope = match (&self.shared, &other.shared) {
            (Some(Text::With(one)), Some(Text::With(other))) => Arc::ptr_eq(one, other),
            (Some(Text::With(_)), _) | (_, Some(Text::With(_))) => false,
            _ => true,
        };
        is_same_cost
            && is_same_scope
            && is_same(self.key.as_ref(), other.key.as_ref())
            && is_same(self.exempt_when.as_ref(), other.exempt_when.as_ref())
    }
}

/// Whether both are one function, or none.
fn is_same<F: ?Sized>(one: Option<&Arc<F>>, other: Option<&Arc<F>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}
