use mongodb::bson::Bson;

use crate::{Policy, storage::mongodb::expression::field};

/// The nanoseconds of a millisecond, in which the server counts time.
pub(in crate::storage::mongodb) const NANOS: u64 = 1_000_000;

/// Returns the length of the window in milliseconds. Windows are whole seconds.
pub(super) fn window(policy: &Policy) -> u64 {
    policy.window() / NANOS
}

/// Returns some fields of a state.
pub(super) fn fields<const N: usize>(state: &str, names: [&str; N]) -> [Bson; N] {
    names.map(|name| field(&format!("{state}.{name}")))
}
