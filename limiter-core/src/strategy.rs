//! Strategies: pure integer arithmetic that counts a quota on a small state, one file each.

use std::{fmt, str::FromStr};

#[cfg(feature = "storage")]
mod elastic_window;
#[cfg(feature = "storage")]
mod fixed_window;
#[cfg(feature = "storage")]
mod moving_window;
#[cfg(feature = "storage")]
mod sliding_window;
#[cfg(feature = "storage")]
mod state;
#[cfg(feature = "storage")]
mod token_bucket;

#[cfg(feature = "storage")]
pub use self::state::State;
#[cfg(feature = "storage")]
pub(crate) use self::state::{NARROW, Numbers, SavedState, WIDE};

/// The algorithm that counts a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// One counter. The window starts at the first hit and has a fixed length.
    ///
    /// Up to twice the amount can pass around the end of a window.
    #[default]
    FixedWindow,
    /// A fixed window whose end moves with each hit.
    ///
    /// Every hit that is admitted, or that this limit refuses, moves the end to one window from now. A client that
    /// keeps trying stays locked out.
    FixedWindowElasticExpiry,
    /// A log of hits: at most the amount in any window (now - window, now]. Exact, and the largest state.
    MovingWindow,
    /// Two counters over windows aligned to the Unix epoch.
    ///
    /// The previous one counts by the share of it that is still in view. This approximates a moving window at the
    /// size of a fixed one.
    SlidingWindowCounter,
    /// A bucket of `burst` units that refills evenly (GCRA, ITU-T I.371).
    ///
    /// In any time t at most burst + amount * t / window pass.
    TokenBucket,
}

impl Strategy {
    /// All strategies.
    pub const ALL: [Self; 5] = [
        Self::FixedWindow,
        Self::FixedWindowElasticExpiry,
        Self::MovingWindow,
        Self::SlidingWindowCounter,
        Self::TokenBucket,
    ];

    /// Returns the name that configurations use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FixedWindow => "fixed-window",
            Self::FixedWindowElasticExpiry => "fixed-window-elastic-expiry",
            Self::MovingWindow => "moving-window",
            Self::SlidingWindowCounter => "sliding-window-counter",
            Self::TokenBucket => "token-bucket",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Strategy {
    type Err = ParseStrategyError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name).ok_or(ParseStrategyError)
    }
}

/// An error for a text that is not the name of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `fixed-window`, `fixed-window-elastic-expiry`, `moving-window`, `sliding-window-counter` \
     or `token-bucket`"
)]
pub struct ParseStrategyError;
