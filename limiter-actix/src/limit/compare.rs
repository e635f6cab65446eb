//! Compares limits by the functions that decide what a request is charged.

use super::{
    Limit,
    callback::{Cost, Text, TextFn},
};

impl Limit {
    /// Returns the cost of every request, or `None` if a function decides the cost, the key, the scope, or whether
    /// the limit applies.
    pub(crate) fn plain_cost(&self) -> Option<u64> {
        let is_plain = self.key.is_none() && self.exempt_when.is_none() && self.scope_fn().is_none();
        match self.cost {
            Cost::Fixed(cost) if is_plain => Some(cost),
            _ => None,
        }
    }

    /// Returns whether the same functions decide what both limits charge a request.
    pub(crate) fn has_same_callbacks(&self, other: &Self) -> bool {
        self.cost == other.cost
            && self.key == other.key
            && self.exempt_when == other.exempt_when
            && self.scope_fn() == other.scope_fn()
    }

    /// Returns the function that names the shared count.
    fn scope_fn(&self) -> Option<&TextFn> {
        match &self.shared {
            Some(Text::With(name)) => Some(name),
            Some(Text::Fixed(_)) | None => None,
        }
    }
}
