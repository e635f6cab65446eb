//! A message to a server, which outlives the request that sends it.

use limiter_core::{
    Key, Policy, Scope,
    storage::{Hit, Refund},
};

/// A call for a decision or for refunds.
pub(crate) struct Call(Vec<Part>);

struct Part {
    scope: Scope,
    key: Key,
    policy: Policy,
    cost: u64,
    /// The stamp of a hit to refund.
    stamp: Option<u64>,
}

impl Part {
    fn new(hit: &Hit<'_>, stamp: Option<u64>) -> Self {
        let (scope, key, policy) = (hit.scope.clone(), hit.key.clone(), hit.policy.clone());
        Self { scope, key, policy, cost: hit.cost, stamp }
    }

    fn hit(&self) -> Hit<'_> {
        Hit::new(&self.scope, &self.key, &self.policy).cost(self.cost)
    }
}

impl Call {
    /// Creates a call that decides hits.
    pub(crate) fn decide(hits: &[Hit<'_>]) -> Self {
        Self(hits.iter().map(|hit| Part::new(hit, None)).collect())
    }

    /// Creates a call that refunds hits.
    pub(crate) fn refund(refunds: &[Refund<'_>]) -> Self {
        Self(refunds.iter().map(|refund| Part::new(&refund.hit, Some(refund.stamp))).collect())
    }

    /// Returns the hits to decide.
    pub(crate) fn hits(&self) -> Vec<Hit<'_>> {
        self.0.iter().filter(|part| part.stamp.is_none()).map(Part::hit).collect()
    }

    /// Returns the hits to refund.
    pub(crate) fn refunds(&self) -> Vec<Refund<'_>> {
        self.0.iter().filter_map(|part| Some(Refund::with_stamp(part.hit(), part.stamp?))).collect()
    }
}
