use smallvec::SmallVec;

use super::{Batch, Hit};
use crate::Window;

/// The outcome of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All limits passed and were consumed.
    Admitted,
    /// A limit refused. No limit was consumed; the hits `on_refusal` were.
    Refused,
    /// A guard refused. Nothing was consumed.
    RefusedByGuard,
}

/// The outcome of a batch, with the windows of its guards and limits.
#[derive(Clone, Debug)]
#[must_use]
pub struct Decision {
    verdict: Verdict,
    guards: u32,
    /// The windows of the guards, then those of the limits.
    windows: Windows,
}

/// The windows of a decision.
///
/// Six fit without an allocation, which is enough for most requests. With seven, a move of a decision would cost
/// twice as much.
pub(super) type Windows = SmallVec<[Window; 6]>;

impl Decision {
    /// Creates a decision, for implementations of storages.
    pub fn new(
        verdict: Verdict,
        guards: impl IntoIterator<Item = Window>,
        limits: impl IntoIterator<Item = Window>,
    ) -> Self {
        let mut windows: Windows = guards.into_iter().collect();
        let guards = windows.len();
        windows.extend(limits);
        Self::from_windows(verdict, guards, windows)
    }

    pub(super) fn of_one(verdict: Verdict, limit: Window) -> Self {
        let mut windows = SmallVec::new();
        windows.push(limit);
        Self { verdict, guards: 0, windows }
    }

    /// Creates an admitted decision without windows.
    ///
    /// The storage [pushes](Self::push) the windows of the limits, and may [refuse](Self::refuse) the batch.
    #[inline]
    pub(super) fn of_limits() -> Self {
        Self { verdict: Verdict::Admitted, guards: 0, windows: SmallVec::new() }
    }

    /// Creates a decision as [`of_limits`](Self::of_limits) whose first windows will be of `guards` guards.
    #[inline]
    pub(super) fn of_guards(guards: usize) -> Self {
        Self::from_windows(Verdict::Admitted, guards, SmallVec::new())
    }

    /// Adds the window of a limit.
    #[inline]
    pub(super) fn push(&mut self, window: Window) {
        self.windows.push(window);
    }

    /// Refuses the batch. The caller must change the windows to those of untouched limits.
    pub(super) fn refuse(&mut self) -> &mut [Window] {
        self.verdict = Verdict::Refused;
        &mut self.windows
    }

    /// Creates a decision from windows, the first `guards` of which are of guards.
    pub(super) fn from_windows(verdict: Verdict, guards: usize, windows: Windows) -> Self {
        // More guards do not fit into memory.
        Self { verdict, guards: u32::try_from(guards).unwrap_or(u32::MAX), windows }
    }

    /// Returns the verdict.
    #[inline]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Returns whether all limits passed and were consumed.
    #[inline]
    pub fn is_admitted(&self) -> bool {
        self.verdict == Verdict::Admitted
    }

    /// Returns the windows of the guards, in the order of the batch.
    #[inline]
    pub fn guards(&self) -> &[Window] {
        &self.windows[..self.guards as usize]
    }

    /// Returns the windows of the limits, in the order of the batch.
    ///
    /// They include the hits if the batch was admitted. A shadow limit may refuse although the batch was admitted.
    #[inline]
    pub fn limits(&self) -> &[Window] {
        &self.windows[self.guards as usize..]
    }

    /// Returns whether a refusal comes with a hit of its batch that refuses, as each must.
    ///
    /// Otherwise the storage has failed: it is unknown which limit refuses, and for how long.
    pub fn is_explained_by(&self, batch: &Batch<'_>) -> bool {
        let refuses = |(hit, window): (&Hit<'_>, &Window)| !hit.shadow && !window.is_allowed();
        match self.verdict {
            Verdict::Admitted => true,
            Verdict::Refused => batch.limits.iter().zip(self.limits()).any(refuses),
            Verdict::RefusedByGuard => batch.guards.iter().zip(self.guards()).any(refuses),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A larger decision would be moved by a slower kind of copy.
    #[test]
    fn a_decision_is_256_bytes() {
        assert_eq!(size_of::<Decision>(), 256);
    }
}
