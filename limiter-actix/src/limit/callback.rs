//! Options of a limit that functions of the request may tell.

use std::{fmt, sync::Arc};

use actix_web::{
    HttpResponse,
    dev::{ResponseHead, ServiceRequest},
};
use limiter_core::Key;

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
