use super::Hit;
use crate::{Key, Policy, Scope};

/// A [`Hit`] that owns its parts, so that it can outlive the request or move to another thread.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct OwnedHit {
    scope: Scope,
    key: Key,
    policy: Policy,
    cost: u64,
    shadow: bool,
    only_after: Option<usize>,
    reserved: bool,
}

impl OwnedHit {
    /// Returns the hit with its parts borrowed from here.
    #[must_use]
    pub fn as_hit(&self) -> Hit<'_> {
        // All fields by name: a new one that is forgotten does not compile.
        let Self { scope, key, policy, cost, shadow, only_after, reserved } = self;
        Hit { scope, key, policy, cost: *cost, shadow: *shadow, only_after: *only_after, reserved: *reserved }
    }

    /// Returns the hit with another cost.
    pub(super) fn with_cost(mut self, cost: u64) -> Self {
        self.cost = cost;
        self
    }

    /// Returns the policy of the hit.
    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl From<&Hit<'_>> for OwnedHit {
    fn from(hit: &Hit<'_>) -> Self {
        let Hit { scope, key, policy, cost, shadow, only_after, reserved } = *hit;
        let (scope, key, policy) = (scope.clone(), key.clone(), policy.clone());
        Self { scope, key, policy, cost, shadow, only_after, reserved }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Quota, Strategy};

    #[test]
    fn all_parts_of_a_hit_are_kept() {
        let (scope, key) = (Scope::new(["a"]), Key::from("b"));
        let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
        let hit = Hit::new(&scope, &key, &policy).cost(3).shadow(true).reserved(true).only_after(7);
        let owned = OwnedHit::from(&hit);
        assert_eq!(format!("{:?}", owned.as_hit()), format!("{hit:?}"));
    }
}
