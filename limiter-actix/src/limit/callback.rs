//! Functions of the application, and options that such a function may compute.

use std::{fmt, ops::Deref, sync::Arc};

use actix_web::{
    HttpResponse,
    dev::{ResponseHead, ServiceRequest},
};
use limiter_core::Key;

use crate::Breach;

/// A function of the application. Equal to its clones only.
pub(crate) struct Callback<F: ?Sized>(pub(crate) Arc<F>);

pub(crate) type KeyFn = Callback<dyn Fn(&ServiceRequest) -> Key + Send + Sync>;
pub(crate) type CostFn = Callback<dyn Fn(&ServiceRequest) -> u64 + Send + Sync>;
pub(crate) type RequestPredicate = Callback<dyn Fn(&ServiceRequest) -> bool + Send + Sync>;
pub(crate) type ResponsePredicate = Callback<dyn Fn(&ResponseHead) -> bool + Send + Sync>;
pub(crate) type TextFn = Callback<dyn Fn(&ServiceRequest) -> String + Send + Sync>;
pub(crate) type BreachFn = Callback<dyn Fn(&Breach, &ServiceRequest) -> Option<HttpResponse> + Send + Sync>;

impl<F: ?Sized> Clone for Callback<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: ?Sized> Deref for Callback<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.0
    }
}

impl<F: ?Sized> PartialEq for Callback<F> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<F: ?Sized> fmt::Debug for Callback<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fn")
    }
}

/// The amount that a request is charged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cost {
    Fixed(u64),
    With(CostFn),
}

/// A text, or a function of the request that returns one.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Fixed(Arc<str>),
    With(TextFn),
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
