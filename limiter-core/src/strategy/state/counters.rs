#[cfg(feature = "mongodb")]
use super::MovingWindow;
use super::{ElasticWindow, FixedWindow, Kind, SlidingWindow, State, TokenBucket, WindowSeconds};
use crate::{Policy, Strategy};

impl State {
    /// Creates a state from the few numbers that a storage keeps, instants in nanoseconds:
    ///
    /// * fixed window: end, used;
    /// * elastic window: start, end, used;
    /// * sliding window: start of the current window, previous, current;
    /// * token bucket: the instant at which it is full.
    ///
    /// Returns `None` for a moving window, which is more than a few numbers.
    pub(crate) fn from_counters(policy: &Policy, [a, b, c]: [u64; 3]) -> Option<Self> {
        Some(Self(match policy.strategy() {
            Strategy::FixedWindow => Kind::Fixed(FixedWindow { end: a, used: b }),
            Strategy::FixedWindowElasticExpiry => Kind::Elastic(ElasticWindow { start: a, end: b, used: c }),
            Strategy::MovingWindow => return None,
            Strategy::SlidingWindowCounter => {
                let window = SlidingWindow { start: a, previous: b, current: c };
                Kind::Sliding(window, WindowSeconds::of(policy))
            }
            Strategy::TokenBucket => Kind::Bucket(TokenBucket { full_at: a }),
        }))
    }

    /// Creates a state as [`from_counters`](Self::from_counters), from numbers that another program may have written.
    ///
    /// Returns `None` for numbers that are impossible under this policy.
    #[cfg(feature = "memcached")]
    pub(crate) fn from_sound_counters(policy: &Policy, counters: [u64; 3]) -> Option<Self> {
        Self::from_counters(policy, counters).filter(|state| state.is_sound(policy))
    }

    /// Returns the numbers that [`from_counters`](Self::from_counters) accepts.
    #[cfg(feature = "memcached")]
    pub(crate) fn counters(&self) -> Option<[u64; 3]> {
        Some(match &self.0 {
            Kind::Fixed(state) => [state.end, state.used, 0],
            Kind::Elastic(state) => [state.start, state.end, state.used],
            Kind::Moving(_) => return None,
            Kind::Sliding(state, _) => [state.start, state.previous, state.current],
            Kind::Bucket(state) => [state.full_at, 0, 0],
        })
    }

    /// Creates a moving window from stored hits: ascending instants in nanoseconds, and costs.
    #[cfg(feature = "mongodb")]
    pub(crate) fn from_log(policy: &Policy, hits: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut window = MovingWindow::new(policy);
        hits.into_iter().for_each(|(at, cost)| window.push(policy, at, cost));
        Self(Kind::Moving(Box::new(window)))
    }
}
