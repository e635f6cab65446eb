//! What a storage enforces: a quota and how it is counted.

use std::{fmt, num::NonZeroU64, sync::Arc};

use crate::{
    Quota, Strategy,
    digest::{Digest, halves},
};

#[cfg(feature = "remote")]
mod name;

/// A quota and how it is counted, with everything the arithmetic needs worked out once.
///
/// Within one scope and key each policy has a count of its own; equal policies share it unless
/// [labels](Self::with_label) tell them apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    quota: Quota,
    strategy: Strategy,
    label: Arc<str>,
    /// Nanoseconds.
    window: u64,
    /// What can be had at once: the amount, or the burst of a token bucket.
    capacity: u64,
    /// Nanoseconds until a token bucket has gained one unit.
    interval: u64,
    id: u64,
    #[cfg(feature = "redis")]
    record_name: name::RecordName,
}

/// Why a quota, a strategy and a burst do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Only a token bucket has a burst.
    #[error("a burst needs the strategy `token-bucket`, not `{0}`")]
    BurstWithoutBucket(Strategy),
    /// The bucket would take more than 100 years to fill.
    #[error("a burst of {burst} at `{quota}` takes more than 100 years to fill")]
    BurstTooLarge {
        /// The burst asked for.
        burst: u64,
        /// The quota that fills the bucket.
        quota: Quota,
    },
    /// The storage remembers each hit of a moving window, and these would be too many.
    #[error(
        "a moving window of `{quota}` remembers too many hits for this storage: at most {most}; \
             use `sliding-window-counter` or `token-bucket`"
    )]
    MovingWindowTooLarge {
        /// The quota asked for.
        quota: Quota,
        /// The largest amount this storage takes.
        most: u64,
    },
    /// The storage cannot keep moving windows.
    #[error(
        "{storage} cannot keep a moving window: {reason}; use `sliding-window-counter` or `token-bucket`, \
             or another storage"
    )]
    MovingWindowNotKept {
        /// The name of the storage.
        storage: &'static str,
        /// Why.
        reason: &'static str,
    },
}

const NANOS: u64 = 1_000_000_000;

impl Policy {
    /// Creates a policy.
    #[must_use]
    pub fn new(quota: Quota, strategy: Strategy) -> Self {
        let window = quota.window_seconds() * NANOS;
        let policy = Self {
            quota,
            strategy,
            label: Arc::from(""),
            window,
            capacity: quota.amount(),
            // Rounded up, so that a bucket never gains more than the quota says.
            interval: window.div_ceil(quota.amount().max(1)),
            id: 0,
            #[cfg(feature = "redis")]
            record_name: name::RecordName::default(),
        };
        policy.identified()
    }

    /// Lets a token bucket hold `burst` units instead of the amount of its quota. A quota of 0 still always
    /// refuses.
    ///
    /// # Errors
    ///
    /// When the strategy is not a token bucket, and when the bucket would take over 100 years to fill.
    pub fn with_burst(mut self, burst: NonZeroU64) -> Result<Self, PolicyError> {
        let burst = burst.get();
        if self.strategy != Strategy::TokenBucket {
            return Err(PolicyError::BurstWithoutBucket(self.strategy));
        }
        let to_fill = u128::from(burst) * u128::from(self.interval);
        if to_fill > u128::from(Quota::MAX_WINDOW_SECONDS * NANOS) {
            return Err(PolicyError::BurstTooLarge { burst, quota: self.quota });
        }
        self.capacity = if self.quota.amount() == 0 { 0 } else { burst };
        Ok(self.identified())
    }

    /// Tells this policy apart from equal ones of the same scope, such as a default limit from a route's own.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = label.into();
        self.identified()
    }

    fn identified(mut self) -> Self {
        let mut digest = Digest::new();
        digest.text(&self.label);
        digest.word(0, self.quota.amount());
        digest.word(0, self.window);
        digest.word(0, self.capacity);
        digest.text(self.strategy.name());
        let [id, _] = halves(digest.finish());
        self.id = id;
        #[cfg(feature = "redis")]
        {
            self.record_name = name::RecordName::default();
        }
        self
    }

    /// The quota.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// How the quota is counted.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// What can be had at once: the amount of the quota, or the burst of a token bucket.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// What tells this policy apart from equal ones of its scope.
    pub fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn is_elastic(&self) -> bool {
        self.strategy == Strategy::FixedWindowElasticExpiry
    }

    /// Whether a hit of this cost takes nothing and moves nothing, whatever the strategy.
    #[inline]
    pub(crate) fn ignores(&self, cost: u64) -> bool {
        cost == 0 || cost > self.capacity
    }

    pub(crate) fn amount(&self) -> u64 {
        self.quota.amount()
    }

    pub(crate) fn window(&self) -> u64 {
        self.window
    }

    pub(crate) fn interval(&self) -> u64 {
        self.interval
    }

    /// Finds the count within the entry of a scope and key; the same for equal policies of this process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

impl fmt::Display for Policy {
    /// The quota, as refusals show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.quota.fmt(f)
    }
}
