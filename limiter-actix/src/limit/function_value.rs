//! The values that functions of the application return.

use std::fmt::Display;

use limiter_core::Key;

use crate::DynamicQuotas;

/// A value that a function of the application returns for a `T`: whatever converts into a [`Key`] or [`DynamicQuotas`];
/// a cost or a yes or no, and from async functions a `Result` of these.
#[diagnostic::on_unimplemented(
    message = "the function returns `{Self}`, which is no `{T}`",
    note = "for an async function, write `async` before its name in an attribute, as in `key = async my_key`, or call \
            the setter for async functions: `key_async`, `cost_async`, `exempt_when_async`, `Limit::dynamic_async`"
)]
pub trait FunctionValue<T> {
    /// Converts the value.
    ///
    /// # Errors
    ///
    /// If the function returned an error, with its text.
    fn into_value(self) -> Result<T, String>;
}

#[diagnostic::do_not_recommend]
impl<K: Into<Key>> FunctionValue<Key> for K {
    fn into_value(self) -> Result<Key, String> {
        Ok(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<Q: Into<DynamicQuotas>> FunctionValue<DynamicQuotas> for Q {
    fn into_value(self) -> Result<DynamicQuotas, String> {
        Ok(self.into())
    }
}

impl FunctionValue<u64> for u64 {
    fn into_value(self) -> Result<u64, String> {
        Ok(self)
    }
}

impl FunctionValue<bool> for bool {
    fn into_value(self) -> Result<bool, String> {
        Ok(self)
    }
}

impl<E: Display> FunctionValue<u64> for Result<u64, E> {
    fn into_value(self) -> Result<u64, String> {
        self.map_err(|error| error.to_string())
    }
}

impl<E: Display> FunctionValue<bool> for Result<bool, E> {
    fn into_value(self) -> Result<bool, String> {
        self.map_err(|error| error.to_string())
    }
}
