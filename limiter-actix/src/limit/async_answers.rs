//! The async functions of a limit, and their answers.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

use super::{
    Limit,
    async_function::{AsyncAnswer, AsyncFunction},
    callback::{Callback, KeyFn, RequestPredicate},
};

impl Limit {
    /// Replaces the async function of the same option.
    pub(crate) fn with_async(self, function: AsyncFunction) -> Self {
        let mut limit = self.without_async(function.option);
        limit.async_functions.push(function);
        limit
    }

    pub(super) fn without_async(mut self, option: &str) -> Self {
        self.async_functions.retain(|function| function.option != option);
        self
    }

    /// Returns whether the answers for a request are there, as far as they matter.
    pub(crate) fn has_answers(&self, req: &ServiceRequest) -> bool {
        self.async_functions.iter().all(|function| function.answer(req).is_some())
            // Nothing else matters then.
            || self.async_functions.iter().any(|function| {
                function.option == "exempt_when" && matches!(function.answer(req), Some(AsyncAnswer::Yes(true)))
            })
    }
}

/// Returns the function that reads the answer of a key function. If that failed, there is no key.
pub(crate) fn read_key(function: &AsyncFunction) -> KeyFn {
    let read = function.clone();
    Callback(Arc::new(move |req| match read.answer(req) {
        Some(AsyncAnswer::Key(key)) => key,
        _ => Key::missing(),
    }))
}

/// Returns the function that reads the answer of a predicate. If that failed, it is `false`.
pub(crate) fn read_predicate(function: &AsyncFunction) -> RequestPredicate {
    let read = function.clone();
    Callback(Arc::new(move |req| matches!(read.answer(req), Some(AsyncAnswer::Yes(true)))))
}
