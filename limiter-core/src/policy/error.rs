use crate::{Quota, Strategy};

/// An error for a quota, a strategy and a burst that do not fit together, or that a storage cannot enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A burst was set, but the strategy is not the token bucket.
    #[error("a burst requires the strategy `token-bucket`, not `{0}`")]
    BurstWithoutBucket(Strategy),
    /// The bucket would take more than 100 years to fill.
    #[error("a burst of {burst} at `{quota}` takes more than 100 years to fill")]
    BurstTooLarge {
        /// The burst that was set.
        burst: u64,
        /// The quota that fills the bucket.
        quota: Quota,
    },
    /// A token bucket gains units in whole nanoseconds, which changes the rate by more than a thousandth.
    #[error(
        "a token bucket cannot refill `{quota}`: it gains units in whole nanoseconds, which changes this rate by more \
             than a thousandth; use at most 1000000 a second, or `sliding-window-counter`"
    )]
    RateTooHigh {
        /// The quota that fills the bucket.
        quota: Quota,
    },
    /// The window ends by the calendar, which only fixed windows do.
    #[error(
        "`{quota}` requires the strategy `fixed-window`, not `{strategy}`: its windows end by the calendar"
    )]
    CalendarWindow {
        /// The quota of the policy.
        quota: Quota,
        /// The strategy of the policy.
        strategy: Strategy,
    },
    /// The count survives a change of the amount, which that of a token bucket does not.
    #[error(
        "`keep_used` does not work with the strategy `token-bucket`, which stores when the bucket is full, and not how much \
             was used; use another strategy"
    )]
    KeepUsedWithBucket,
    /// The storage records each hit of a moving window, and the amount allows too many of them.
    #[error(
        "a moving window of `{quota}` remembers too many hits for this storage: at most {most}; \
             use `sliding-window-counter` or `token-bucket`"
    )]
    MovingWindowTooLarge {
        /// The quota of the policy.
        quota: Quota,
        /// The largest amount that this storage accepts.
        most: u64,
    },
    /// The storage records each request under way, and the amount allows too many of them.
    #[error("`{quota}` is more than this storage records: at most {most} concurrent")]
    TooManyConcurrent {
        /// The quota of the policy.
        quota: Quota,
        /// The largest amount that this storage accepts.
        most: u64,
    },
    /// The storage does not support limits of concurrent requests.
    #[error(
        "{storage} does not support limits of concurrent requests such as `{quota}`: {reason}; use Redis, Valkey, MongoDB or \
             memory"
    )]
    ConcurrentNotKept {
        /// The name of the storage.
        storage: &'static str,
        /// The quota of the policy.
        quota: Quota,
        /// The reason.
        reason: &'static str,
    },
    /// The storage does not support moving windows.
    #[error(
        "{storage} does not support moving windows: {reason}; use `sliding-window-counter` or `token-bucket`, \
             or another storage"
    )]
    MovingWindowNotKept {
        /// The name of the storage.
        storage: &'static str,
        /// The reason.
        reason: &'static str,
    },
}
