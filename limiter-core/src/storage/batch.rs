use crate::{Key, Policy, Scope, Window};

/// One limit hit by one client: whose count, under which policy, by how much.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) key: &'a Key,
    pub(crate) policy: &'a Policy,
    pub(crate) cost: u64,
    pub(crate) shadow: bool,
}

impl<'a> Hit<'a> {
    /// A hit of cost 1.
    #[must_use]
    pub fn new(scope: &'a Scope, key: &'a Key, policy: &'a Policy) -> Self {
        Self { scope, key, policy, cost: 1, shadow: false }
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
}

/// All that is decided for one request, as one.
///
/// 1. The guards are tested, and never consumed. When one would refuse, the verdict is
///    [`Guarded`](super::Verdict::Guarded) and nothing is consumed.
/// 2. The limits are consumed when all of them pass (those in shadow aside), else none is. A limit that
///    refuses under the elastic strategy moves the end of its window.
/// 3. When the limits refused, the hits `on_refusal` are consumed, each by itself, if they pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    pub(crate) guards: &'a [Hit<'a>],
    pub(crate) limits: &'a [Hit<'a>],
    pub(crate) on_refusal: &'a [Hit<'a>],
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

    /// All hits: guards, limits, those on refusal.
    pub(crate) fn hits(&self) -> impl Iterator<Item = &Hit<'a>> {
        self.guards.iter().chain(self.limits).chain(self.on_refusal)
    }
}

/// An admitted hit whose cost is to be returned.
#[derive(Clone, Copy, Debug)]
pub struct GiveBack<'a> {
    pub(crate) hit: Hit<'a>,
    pub(crate) stamp: u64,
}

impl<'a> GiveBack<'a> {
    /// Returns the cost of `hit`, which was admitted with the report `taken`.
    #[must_use]
    pub fn new(hit: Hit<'a>, taken: &Window) -> Self {
        Self { hit, stamp: taken.stamp }
    }
}
