use smallvec::SmallVec;

use crate::Window;

/// How a batch came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All limits passed and were consumed.
    Admitted,
    /// A limit refused; none was consumed, and the hits `on_refusal` were.
    Refused,
    /// A guard refused; nothing was consumed.
    RefusedByGuard,
}

/// How a batch came out, and how each of its guards and limits stands now.
#[derive(Clone, Debug)]
#[must_use]
pub struct Decision {
    verdict: Verdict,
    guards: u32,
    /// Of the guards, then of the limits.
    windows: Windows,
}

/// As many as most requests have fit without an allocation; and with one more, a decision would cost twice as much
/// to move.
pub(super) type Windows = SmallVec<[Window; 6]>;

impl Decision {
    /// Puts a decision together, for storages.
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

    /// The limits are yet to be pushed; it is admitted until it is [refused](Self::refuse).
    #[inline]
    pub(super) fn of_limits() -> Self {
        Self { verdict: Verdict::Admitted, guards: 0, windows: SmallVec::new() }
    }

    /// As [`of_limits`](Self::of_limits), with some guards before them.
    #[inline]
    pub(super) fn of_guards(guards: usize) -> Self {
        Self::from_windows(Verdict::Admitted, guards, SmallVec::new())
    }

    /// Adds the report of a limit.
    #[inline]
    pub(super) fn push(&mut self, window: Window) {
        self.windows.push(window);
    }

    /// Returns the reports, which are to be as if nothing had been hit.
    pub(super) fn refuse(&mut self) -> &mut [Window] {
        self.verdict = Verdict::Refused;
        &mut self.windows
    }

    /// The first `guards` windows are of the guards, the others of the limits.
    pub(super) fn from_windows(verdict: Verdict, guards: usize, windows: Windows) -> Self {
        // More guards than that do not fit into memory.
        Self { verdict, guards: u32::try_from(guards).unwrap_or(u32::MAX), windows }
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether all limits passed and were consumed.
    pub fn is_admitted(&self) -> bool {
        self.verdict == Verdict::Admitted
    }

    /// How the guards stand, in the order of the batch.
    pub fn guards(&self) -> &[Window] {
        &self.windows[..self.guards as usize]
    }

    /// How the limits stand, in the order of the batch: after the hit when admitted, untouched otherwise.
    /// A limit in shadow may say that it is not allowed although the batch was admitted.
    pub fn limits(&self) -> &[Window] {
        &self.windows[self.guards as usize..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is larger is moved by a slower kind of copy.
    #[test]
    fn a_decision_is_256_bytes() {
        assert_eq!(size_of::<Decision>(), 256);
    }
}
