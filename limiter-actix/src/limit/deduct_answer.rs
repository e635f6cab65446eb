//! The answers of `deduct_when` functions.

/// An answer of a [`deduct_when`](crate::Limit::deduct_when) function: `bool`.
#[diagnostic::on_unimplemented(
    message = "the function of `deduct_when` returns `{Self}`, which is no `bool`",
    label = "expected a function that returns `bool`",
    note = "write `fn is_failure(response: &ResponseHead) -> bool`, without `async`: nothing is awaited after the response"
)]
pub trait DeductAnswer {
    /// Returns `true` if the cost stays charged.
    fn into_bool(self) -> bool;
}

impl DeductAnswer for bool {
    fn into_bool(self) -> bool {
        self
    }
}
