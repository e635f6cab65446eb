use std::hint::black_box;

use super::{ElasticWindow, FixedWindow, Kind, SlidingWindow, State, Strategy, TokenBucket, WindowSeconds};
use crate::{Policy, Timestamp, Window};

/// The states of a few counts as bare numbers. Everything else in a [`State`] is equal for all clients.
///
/// A count uses as many of the numbers as it [needs](Self::needed), from its place `at` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers<const ROOM: usize = NARROW>([u64; ROOM]);

/// The number of numbers that most clients need.
pub(crate) const NARROW: usize = 4;

/// The number of numbers of clients with more counts.
pub(crate) const WIDE: usize = 2 * NARROW;

impl<const ROOM: usize> Default for Numbers<ROOM> {
    fn default() -> Self {
        Self([0; ROOM])
    }
}

/// A state that packs into a few numbers, which are zero for an untouched count.
trait PackedState<const N: usize>: Sized {
    fn pack(self) -> [u64; N];
    fn unpack(numbers: [u64; N]) -> Self;
}

/// Unpacks the state at a place, works on it, and packs it again.
macro_rules! with_state {
    ($numbers:expr, $at:expr, $strategy:expr, $state:ident => $call:expr, $otherwise:expr) => {
        match $strategy {
            Strategy::FixedWindow => $numbers.with($at, |$state: &mut FixedWindow| $call),
            Strategy::FixedWindowElasticExpiry => $numbers.with($at, |$state: &mut ElasticWindow| $call),
            Strategy::SlidingWindowCounter => $numbers.with($at, |$state: &mut SlidingWindow| $call),
            Strategy::TokenBucket => $numbers.with($at, |$state: &mut TokenBucket| $call),
            // Not packed into numbers.
            Strategy::MovingWindow => $otherwise,
        }
    };
}

impl Numbers {
    /// Returns how many numbers a count takes, or `None` if it does not pack into numbers.
    pub(crate) fn needed(policy: &Policy) -> Option<u8> {
        match policy.strategy() {
            Strategy::FixedWindow => Some(2),
            Strategy::FixedWindowElasticExpiry => Some(3),
            // Both counters share one number. Those that survive a change of the amount may come to need more.
            Strategy::SlidingWindowCounter if policy.keeps_used() => None,
            Strategy::SlidingWindowCounter => u32::try_from(policy.amount()).is_ok().then_some(2),
            Strategy::MovingWindow => None,
            Strategy::TokenBucket => Some(1),
        }
    }

    /// Returns numbers as [`all`](Self::all) returned them.
    pub(crate) fn of_all(numbers: [u64; WIDE]) -> Numbers<WIDE> {
        Numbers(numbers)
    }

    /// Loads what a first count of two numbers may have in the next cache line.
    #[inline]
    pub(crate) fn prefetch(&self) {
        black_box(self.0[1]);
    }

    /// Stores one number that is not a count.
    pub(crate) fn of_other(number: u64) -> Self {
        Self([number, 0, 0, 0])
    }

    /// Returns the number that [`of_other`](Self::of_other) stored.
    pub(crate) fn other(&self) -> u64 {
        self.0[0]
    }

    /// Returns these numbers, followed by more.
    #[expect(clippy::many_single_char_names, reason = "they are one array")]
    #[inline]
    pub(crate) fn followed_by(self, Self([e, f, g, h]): Self) -> Numbers<WIDE> {
        let [a, b, c, d] = self.0;
        Numbers([a, b, c, d, e, f, g, h])
    }
}

impl Numbers<WIDE> {
    /// Returns the first numbers and those that follow.
    #[expect(clippy::many_single_char_names, reason = "they are one array")]
    #[inline]
    pub(crate) fn split(self) -> (Numbers, Numbers) {
        let [a, b, c, d, e, f, g, h] = self.0;
        (Numbers([a, b, c, d]), Numbers([e, f, g, h]))
    }
}

impl<const ROOM: usize> Numbers<ROOM> {
    /// Returns all numbers, for a file.
    pub(crate) fn all(&self) -> [u64; ROOM] {
        self.0
    }

    /// Tests as [`State::test`].
    #[inline]
    pub(crate) fn test(mut self, at: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let (now, strategy) = (now.as_nanos(), policy.strategy());
        with_state!(self, at, strategy, state => state.test(policy, cost, now), State::untouched(policy, cost))
    }

    /// Hits as [`State::hit`], with a cost of at least 1.
    #[expect(
        clippy::inline_always,
        reason = "a call costs as much as all the work of the most frequent strategy"
    )]
    #[inline(always)]
    pub(crate) fn hit(&mut self, at: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let (now, strategy) = (now.as_nanos(), policy.strategy());
        let untouched = || State::untouched(policy, cost).by_fields();
        with_state!(self, at, strategy, state => state.hit(policy, cost, now).by_fields(), untouched())
    }

    /// Returns the amount left as [`State::remaining`].
    #[inline]
    pub(crate) fn remaining(mut self, at: usize, policy: &Policy, now: Timestamp) -> u64 {
        let (now, strategy) = (now.as_nanos(), policy.strategy());
        with_state!(self, at, strategy, state => state.remaining(policy, now), policy.capacity())
    }

    /// Refunds as [`State::refund_stamped`].
    pub(crate) fn refund(&mut self, at: usize, policy: &Policy, cost: u64, stamp: u64, now: Timestamp) {
        let nanos = now.as_nanos();
        with_state!(self, at, policy.strategy(), state => state.refund(policy, cost, stamp, nanos), ());
    }

    /// Returns the expiry as [`State::expires`].
    #[inline]
    pub(crate) fn expires(&self, at: usize, policy: &Policy) -> Timestamp {
        Timestamp::from_nanos(match policy.strategy() {
            Strategy::FixedWindow => self.read::<FixedWindow, _>(at).end,
            Strategy::FixedWindowElasticExpiry => self.read::<ElasticWindow, _>(at).end,
            Strategy::SlidingWindowCounter => self.read::<SlidingWindow, _>(at).expires(policy.window()),
            Strategy::TokenBucket => self.read::<TokenBucket, _>(at).full_at,
            // Not packed into numbers.
            Strategy::MovingWindow => 0,
        })
    }

    /// Returns the state of the count at a place.
    pub(crate) fn state(&self, at: usize, policy: &Policy) -> State {
        State(match policy.strategy() {
            Strategy::FixedWindow => Kind::Fixed(self.read(at)),
            Strategy::FixedWindowElasticExpiry => Kind::Elastic(self.read(at)),
            Strategy::SlidingWindowCounter => Kind::Sliding(self.read(at), WindowSeconds::of(policy)),
            Strategy::TokenBucket => Kind::Bucket(self.read(at)),
            // Not packed into numbers.
            Strategy::MovingWindow => return State::new(policy),
        })
    }

    /// Copies some numbers from another client or place.
    pub(crate) fn copy(&mut self, to: usize, from: &Self, at: usize, count: usize) {
        for index in 0..count {
            self.0[(to + index) % ROOM] = from.0[(at + index) % ROOM];
        }
    }

    #[expect(clippy::inline_always, reason = "as for `hit`, of which it is the body")]
    #[inline(always)]
    fn with<S: PackedState<N>, T, const N: usize>(&mut self, at: usize, act: impl FnOnce(&mut S) -> T) -> T {
        let mut state = self.read(at);
        let answer = act(&mut state);
        for (index, number) in state.pack().into_iter().enumerate() {
            self.0[(at + index) % ROOM] = number;
        }
        answer
    }

    #[inline]
    fn read<S: PackedState<N>, const N: usize>(&self, at: usize) -> S {
        S::unpack(std::array::from_fn(|index| self.0[(at + index) % ROOM]))
    }
}

impl PackedState<2> for FixedWindow {
    fn pack(self) -> [u64; 2] {
        [self.end, self.used]
    }

    fn unpack([end, used]: [u64; 2]) -> Self {
        Self { end, used }
    }
}

impl PackedState<3> for ElasticWindow {
    fn pack(self) -> [u64; 3] {
        [self.start, self.end, self.used]
    }

    fn unpack([start, end, used]: [u64; 3]) -> Self {
        Self { start, end, used }
    }
}

/// Each counter takes half a number, which [`Numbers::needed`] has verified to be enough.
impl PackedState<2> for SlidingWindow {
    fn pack(self) -> [u64; 2] {
        [self.start, self.previous << 32 | self.current]
    }

    fn unpack([start, counters]: [u64; 2]) -> Self {
        Self { start, previous: counters >> 32, current: counters & u64::from(u32::MAX) }
    }
}

impl PackedState<1> for TokenBucket {
    fn pack(self) -> [u64; 1] {
        [self.full_at]
    }

    fn unpack([full_at]: [u64; 1]) -> Self {
        Self { full_at }
    }
}
