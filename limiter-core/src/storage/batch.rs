use crate::{Key, Policy, Scope, Window};

/// A hit of one client on one limit.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Hit<'a> {
    /// The scope that shares the count.
    pub scope: &'a Scope,
    /// The client.
    pub key: &'a Key,
    /// The policy of the count.
    pub policy: &'a Policy,
    /// The cost in units of the quota. A cost of 0 always passes and takes nothing: it only tests.
    pub cost: u64,
    /// Makes the hit a shadow: it never refuses the batch, and is consumed if it passes and the batch is admitted.
    pub shadow: bool,
    /// For a hit on refusal: consumes it only if the limit at this index of the batch refused.
    ///
    /// `None` consumes it whichever limit refused.
    pub only_after: Option<usize>,
    /// Marks a cost that may be refunded, so that a request this limit refuses may pass at any later time.
    pub reserved: bool,
}

impl<'a> Hit<'a> {
    /// Creates a hit of cost 1.
    #[must_use]
    pub fn new(scope: &'a Scope, key: &'a Key, policy: &'a Policy) -> Self {
        Self { scope, key, policy, cost: 1, shadow: false, only_after: None, reserved: false }
    }

    /// Sets the [cost](Self::cost). Defaults to 1.
    #[must_use]
    pub fn cost(mut self, cost: u64) -> Self {
        self.cost = cost;
        self
    }

    /// Sets whether the hit is a [shadow](Self::shadow). Defaults to `false`.
    #[must_use]
    pub fn shadow(mut self, shadow: bool) -> Self {
        self.shadow = shadow;
        self
    }

    /// Sets whether the cost [may be refunded](Self::reserved). Defaults to `false`.
    #[must_use]
    pub fn reserved(mut self, reserved: bool) -> Self {
        self.reserved = reserved;
        self
    }

    /// Makes a hit on refusal depend on one limit of the batch, by the index of that limit.
    #[must_use]
    pub fn only_after(mut self, limit: usize) -> Self {
        self.only_after = Some(limit);
        self
    }

    /// Returns the digest that identifies the count within this process.
    pub(super) fn digest(&self) -> u128 {
        let mut digest = self.scope.digest();
        self.key.feed(&mut digest);
        digest.word(0, self.policy.id());
        digest.finish()
    }
}

/// All hits of one request, decided as one.
///
/// 1. The storage tests the guards and never consumes them. If one would refuse, the verdict is
///    [`RefusedByGuard`](super::Verdict::RefusedByGuard) and nothing is consumed.
/// 2. The storage consumes the limits if all of them pass, shadows aside; otherwise it consumes none. A limit that
///    refuses under the elastic strategy moves the end of its window.
/// 3. If the limits refused, the storage consumes each hit `on_refusal` that passes. Some depend on
///    [one limit](Hit::only_after).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Batch<'a> {
    /// Hits that are tested first and never consumed.
    pub guards: &'a [Hit<'a>],
    /// Hits that are consumed if all of them pass.
    pub limits: &'a [Hit<'a>],
    /// Hits that are consumed if the limits refused.
    pub on_refusal: &'a [Hit<'a>],
}

impl<'a> Batch<'a> {
    /// Creates a batch of limits without guards.
    #[must_use]
    pub fn new(limits: &'a [Hit<'a>]) -> Self {
        Self { guards: &[], limits, on_refusal: &[] }
    }

    /// Creates a batch that consumes nothing. It is admitted if all limits would pass, else refused by guard.
    #[must_use]
    pub fn test(limits: &'a [Hit<'a>]) -> Self {
        Self { guards: limits, limits: &[], on_refusal: &[] }
    }

    /// Sets the hits that are tested first. Defaults to none.
    #[must_use]
    pub fn guards(mut self, guards: &'a [Hit<'a>]) -> Self {
        self.guards = guards;
        self
    }

    /// Sets the hits that are consumed if the limits refuse. Defaults to none.
    #[must_use]
    pub fn on_refusal(mut self, hits: &'a [Hit<'a>]) -> Self {
        self.on_refusal = hits;
        self
    }

    /// Returns whether the batch takes nothing, whatever the verdict.
    pub(super) fn is_test(&self) -> bool {
        self.limits.is_empty() && self.on_refusal.is_empty()
    }

    /// Returns all hits: guards, then limits, then hits on refusal.
    #[cfg(any(feature = "memcached", feature = "mongodb", feature = "redis"))]
    pub(crate) fn hits(&self) -> impl Iterator<Item = &Hit<'a>> {
        self.guards.iter().chain(self.limits).chain(self.on_refusal)
    }
}

/// The result of renewing the lease of a concurrent request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The lease begins anew. The hit has this stamp from now on.
    Renewed(u64),
    /// There is no such lease: it has ended, or its count was cleared.
    Ended,
    /// The server of the count did not answer, so the lease may have begun anew.
    Unknown,
}

impl From<Option<u64>> for Renewal {
    fn from(stamp: Option<u64>) -> Self {
        stamp.map_or(Self::Ended, Self::Renewed)
    }
}

/// A refund of the cost of an admitted hit.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Refund<'a> {
    /// The hit.
    pub hit: Hit<'a>,
    /// The stamp from the report of the hit, by which the storage finds it.
    pub stamp: u64,
}

impl<'a> Refund<'a> {
    /// Creates a refund of `hit`, which was admitted with the report `taken`.
    #[must_use]
    pub fn new(hit: Hit<'a>, taken: &Window) -> Self {
        Self::with_stamp(hit, taken.stamp)
    }

    /// Creates a refund of a hit by its stamp, for storages that pass refunds on.
    #[must_use]
    pub fn with_stamp(hit: Hit<'a>, stamp: u64) -> Self {
        Self { hit, stamp }
    }
}
