#[cfg(feature = "mongodb")]
use super::MovingWindow;
use super::{ElasticWindow, FixedWindow, Kind, SlidingWindow, State, TokenBucket, WindowSeconds};
use crate::{Policy, Strategy};

impl State {
    /// A state that was kept elsewhere as a few numbers, instants in nanoseconds:
    ///
    /// * fixed window: end, used;
    /// * elastic window: start, end, used;
    /// * sliding window: start of the current window, previous, current;
    /// * token bucket: the instant at which it is full.
    ///
    /// None for a moving window, which is more than a few numbers.
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

    /// As [`from_counters`](Self::from_counters), from numbers that somebody else may have written: none when
    /// they cannot have come about under this policy.
    #[cfg(feature = "memcached")]
    pub(crate) fn from_sound_counters(policy: &Policy, counters: [u64; 3]) -> Option<Self> {
        let state = Self::from_counters(policy, counters)?;
        let most = policy.amount();
        let is_sound = match &state.0 {
            Kind::Fixed(state) => state.used <= most,
            Kind::Elastic(state) => state.used <= most,
            Kind::Sliding(state, _) => {
                state.start % policy.window() == 0 && state.previous <= most && state.current <= most
            }
            Kind::Bucket(_) => true,
            Kind::Moving(_) => false,
        };
        is_sound.then_some(state)
    }

    /// The numbers that [`from_counters`](Self::from_counters) takes.
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

    /// A moving window whose hits were kept elsewhere: instants in nanoseconds, ascending, and costs.
    #[cfg(feature = "mongodb")]
    pub(crate) fn from_log(policy: &Policy, hits: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut window = MovingWindow::new(policy);
        hits.into_iter().for_each(|(at, cost)| window.push(policy, at, cost));
        Self(Kind::Moving(Box::new(window)))
    }
}
