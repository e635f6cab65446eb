use crate::{Key, Policy, Scope, Window};

/// One limit hit by one client: whose count, under which policy, by how much.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Hit<'a> {
    /// What shares the count.
    pub scope: &'a Scope,
    /// Who is counted.
    pub key: &'a Key,
    /// How it is counted.
    pub policy: &'a Policy,
    /// By how much. 0 always passes and takes nothing: a look.
    pub cost: u64,
    /// Whether this hit never makes its batch refused: it is consumed if it passes and the batch is admitted.
    pub shadow: bool,
    /// Among the hits on refusal: consumed only when the limit at this place of the batch refused. None: when
    /// any did.
    pub only_after: Option<usize>,
    /// Whether the cost may be given back, so that what this limit refuses may pass at any time.
    pub reserved: bool,
}

impl<'a> Hit<'a> {
    /// A hit of cost 1.
    #[must_use]
    pub fn new(scope: &'a Scope, key: &'a Key, policy: &'a Policy) -> Self {
        Self { scope, key, policy, cost: 1, shadow: false, only_after: None, reserved: false }
    }

    /// Sets the cost. 0 always passes and takes nothing: a look.
    #[must_use]
    pub fn cost(mut self, cost: u64) -> Self {
        self.cost = cost;
        self
    }

    /// Whether this hit never makes its batch refused: it is consumed if it passes and the batch is admitted.
    #[must_use]
    pub fn shadow(mut self, shadow: bool) -> Self {
        self.shadow = shadow;
        self
    }

    /// Whether the cost may be given back, so that what this limit refuses may pass at any time.
    #[must_use]
    pub fn reserved(mut self, reserved: bool) -> Self {
        self.reserved = reserved;
        self
    }

    /// Makes a hit on refusal wait for one limit of the batch, by its place among the limits.
    #[must_use]
    pub fn only_after(mut self, limit: usize) -> Self {
        self.only_after = Some(limit);
        self
    }

    /// Stands for the count within this process.
    pub(super) fn digest(&self) -> u128 {
        let mut digest = self.scope.digest();
        self.key.feed(&mut digest);
        digest.word(0, self.policy.id());
        digest.finish()
    }
}

/// All that is decided for one request, as one.
///
/// 1. The guards are tested, and never consumed. When one would refuse, the verdict is
///    [`RefusedByGuard`](super::Verdict::RefusedByGuard) and nothing is consumed.
/// 2. The limits are consumed when all of them pass (those in shadow aside), else none is. A limit that
///    refuses under the elastic strategy moves the end of its window.
/// 3. When the limits refused, the hits `on_refusal` are consumed, each by itself, if they pass; some of them
///    only when one certain limit refused.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Batch<'a> {
    /// Tested first, never consumed.
    pub guards: &'a [Hit<'a>],
    /// Consumed when all pass.
    pub limits: &'a [Hit<'a>],
    /// Consumed when the limits refused.
    pub on_refusal: &'a [Hit<'a>],
}

impl<'a> Batch<'a> {
    /// A batch of limits, without guards.
    #[must_use]
    pub fn new(limits: &'a [Hit<'a>]) -> Self {
        Self { guards: &[], limits, on_refusal: &[] }
    }

    /// A batch that only tests: it is admitted when all would pass, else guarded, and consumes nothing.
    #[must_use]
    pub fn test(limits: &'a [Hit<'a>]) -> Self {
        Self { guards: limits, limits: &[], on_refusal: &[] }
    }

    /// Sets what is tested first.
    #[must_use]
    pub fn guards(mut self, guards: &'a [Hit<'a>]) -> Self {
        self.guards = guards;
        self
    }

    /// Sets what is consumed when the limits refuse.
    #[must_use]
    pub fn on_refusal(mut self, hits: &'a [Hit<'a>]) -> Self {
        self.on_refusal = hits;
        self
    }

    /// Whether it takes nothing, whatever the verdict.
    pub(super) fn is_test(&self) -> bool {
        self.limits.is_empty() && self.on_refusal.is_empty()
    }

    /// All hits: guards, limits, those on refusal.
    #[cfg(any(feature = "memcached", feature = "mongodb", feature = "redis"))]
    pub(crate) fn hits(&self) -> impl Iterator<Item = &Hit<'a>> {
        self.guards.iter().chain(self.limits).chain(self.on_refusal)
    }
}

/// An admitted hit whose cost is to be returned.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Refund<'a> {
    /// The hit.
    pub hit: Hit<'a>,
    /// What the report of the hit says for its storage to find it again.
    pub stamp: u64,
}

impl<'a> Refund<'a> {
    /// Returns the cost of `hit`, which was admitted with the report `taken`.
    #[must_use]
    pub fn new(hit: Hit<'a>, taken: &Window) -> Self {
        Self { hit, stamp: taken.stamp }
    }
}
