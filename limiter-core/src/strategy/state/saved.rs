use super::{ElasticWindow, FixedWindow, Kind, SlidingWindow, State, TokenBucket, WindowSeconds};
use crate::{Policy, strategy::moving_window::MovingWindow};

/// A state as a file keeps it. Instants are in nanoseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SavedState {
    /// The end, and the amount used.
    Fixed([u64; 2]),
    /// The start, the end, and the amount used.
    Elastic([u64; 3]),
    /// The start of the current window, the previous and the current counter, and the length in seconds.
    Sliding([u64; 4]),
    /// The instant at which the bucket is full.
    Bucket(u64),
    /// Hits with their costs, and the instant at which the newest leaves the window.
    Moving(Vec<[u64; 2]>, u64),
}

/// No count is as large. Sums of a few such numbers do not overflow.
const MAX_SAVED: u64 = 1 << 60;

impl State {
    pub(crate) fn saved(&self) -> SavedState {
        match &self.0 {
            Kind::Fixed(state) => SavedState::Fixed([state.end, state.used]),
            Kind::Elastic(state) => SavedState::Elastic([state.start, state.end, state.used]),
            Kind::Sliding(state, seconds) => {
                SavedState::Sliding([state.start, state.previous, state.current, seconds.0.into()])
            }
            Kind::Bucket(state) => SavedState::Bucket(state.full_at),
            Kind::Moving(state) => SavedState::Moving(state.log(), state.expires),
        }
    }

    /// Returns `None` for numbers that no state has.
    pub(crate) fn of_saved(saved: SavedState) -> Option<Self> {
        let is_count = |number: &u64| *number <= MAX_SAVED;
        Some(Self(match saved {
            SavedState::Fixed([end, used]) => {
                Kind::Fixed(FixedWindow { end, used: Some(used).filter(is_count)? })
            }
            SavedState::Elastic([start, end, used]) => {
                Kind::Elastic(ElasticWindow { start, end, used: Some(used).filter(is_count)? })
            }
            SavedState::Sliding([start, previous, current, seconds]) => {
                let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
                let (previous, current) = (Some(previous).filter(is_count)?, Some(current).filter(is_count)?);
                Kind::Sliding(SlidingWindow { start, previous, current }, WindowSeconds(seconds))
            }
            SavedState::Bucket(full_at) => Kind::Bucket(TokenBucket { full_at }),
            SavedState::Moving(hits, expires) => {
                Kind::Moving(Box::new(MovingWindow::of_log(&hits, expires)?))
            }
        }))
    }

    /// Returns whether the numbers of a state are possible under a policy. A log of hits is not looked through.
    pub(crate) fn is_sound(&self, policy: &Policy) -> bool {
        // Charges take more than the amount.
        let max = policy.max_used();
        match &self.0 {
            Kind::Fixed(state) => state.used <= max,
            Kind::Elastic(state) => state.used <= max,
            Kind::Sliding(state, _) => {
                state.start % policy.window() == 0 && state.previous <= max && state.current <= max
            }
            Kind::Bucket(_) => true,
            Kind::Moving(_) => false,
        }
    }
}
