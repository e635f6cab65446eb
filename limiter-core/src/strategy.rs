//! How a quota is counted: pure integer arithmetic on a small state, one file per strategy.

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
pub(crate) use self::state::Numbers;
#[cfg(feature = "storage")]
pub use self::state::State;

/// How a quota is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// One counter; the window starts at the first hit and ends one window later. Up to twice the amount can
    /// pass around the end of a window.
    #[default]
    FixedWindow,
    /// As the fixed window, but every admitted hit, and every one this limit refuses, moves the end of the
    /// window to one window from now: who keeps trying stays out.
    FixedWindowElasticExpiry,
    /// At most the amount in any window (now - window, now]. Remembers each hit: exact, and the largest.
    MovingWindow,
    /// Two counters over windows aligned to the Unix epoch; the previous one counts by its share that is
    /// still in view. Close to a moving window at the size of a fixed one.
    SlidingWindowCounter,
    /// A bucket of `burst` units that refills evenly (GCRA, ITU-T I.371): in any time t at most
    /// burst + amount * t / window pass.
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

    /// The name in configurations.
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

/// The text names no strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `fixed-window`, `fixed-window-elastic-expiry`, `moving-window`, `sliding-window-counter` \
     or `token-bucket`"
)]
pub struct ParseStrategyError;
