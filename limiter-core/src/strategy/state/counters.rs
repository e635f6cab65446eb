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
}
