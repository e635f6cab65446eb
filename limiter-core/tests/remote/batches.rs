//! Batches that the tests of several backends hit.

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Decision, Hit, Refund, Storage},
};

/// Four limits of one client in two scopes, each of another strategy, and a guard.
pub(crate) struct FourLimits {
    scopes: [Scope; 2],
    key: Key,
    policies: [Policy; 4],
    meta: Policy,
}

impl FourLimits {
    pub(crate) fn new() -> Self {
        let policies = [1, 2, 3, 4].map(|amount| {
            let strategy = Strategy::ALL[usize::try_from(amount).unwrap()];
            Policy::new(Quota::per_hour(amount + 5), strategy)
        });
        let meta = Policy::new(Quota::per_hour(2), policies[0].strategy());
        let scopes = ["application", "route"].map(|name| Scope::new([name]));
        Self { scopes, key: Key::from("somebody"), policies, meta }
    }

    pub(crate) fn limits(&self) -> Vec<Hit<'_>> {
        let in_turn = self.policies.iter().zip(self.scopes.iter().cycle());
        in_turn.map(|(policy, scope)| Hit::new(scope, &self.key, policy)).collect()
    }

    pub(crate) fn guard(&self) -> [Hit<'_>; 1] {
        [Hit::new(&self.scopes[0], &self.key, &self.meta)]
    }
}

/// The refunds of all that a decision took.
pub(crate) fn refunds<'a>(limits: &[Hit<'a>], decision: &Decision) -> Vec<Refund<'a>> {
    limits.iter().zip(decision.limits()).map(|(hit, window)| Refund::new(*hit, window)).collect()
}

/// Refunds what limits took that have allowed their hit.
pub(crate) async fn refund(storage: &dyn Storage, limits: &[Hit<'_>], windows: &[Window], now: Timestamp) {
    let allowed = limits.iter().zip(windows).filter(|(_, window)| window.is_allowed());
    let refunds: Vec<_> = allowed.map(|(hit, window)| Refund::new(*hit, window)).collect();
    storage.refund(&refunds, now).await.unwrap();
}

/// A sequence of numbers that looks random and is the same every time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// Up to this many hits, one at least.
    pub(crate) fn hits<'a>(
        &mut self,
        most: usize,
        scope: &'a Scope,
        keys: &'a [Key],
        policies: &'a [Policy],
    ) -> Vec<Hit<'a>> {
        let hits = (0..=self.below(most)).map(|_| {
            let (key, policy) = (&keys[self.below(keys.len())], &policies[self.below(policies.len())]);
            let cost = self.below(3) as u64;
            Hit::new(scope, key, policy).cost(cost).shadow(self.below(8) == 0)
        });
        hits.collect()
    }
}
