//! Compares limits by the functions they call.

use std::sync::Arc;

use super::{
    Limit,
    callback::{Cost, Text},
};

impl Limit {
    /// What each request costs, where no function of the request has a say in anything.
    pub(crate) fn plain_cost(&self) -> Option<u64> {
        let has_dynamic_scope = matches!(self.shared, Some(Text::With(_)));
        match self.cost {
            Cost::Fixed(cost) if self.key.is_none() && self.exempt_when.is_none() && !has_dynamic_scope => {
                Some(cost)
            }
            _ => None,
        }
    }

    /// Whether both ask the same functions of the request how much is taken, by whom and in which scope.
    pub(crate) fn has_same_callbacks(&self, other: &Self) -> bool {
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
