//! Settings of leases.

use std::{num::NonZeroU16, time::Duration};

/// The quota of a count that a process may charge ahead of need, and the time that it may keep it.
///
/// Leases need a remote storage and the fixed window, calendar windows included. Other strategies are exact only if each
/// unit is charged when it is used, so their limits have none. Neither have limits that
/// [keep what was used](crate::Policy::with_keep_used).
///
/// ```
/// use std::time::Duration;
/// use limiter_core::Leases;
///
/// let leases = Leases::default().share(16).duration(Duration::from_millis(500));
/// # let _ = leases;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leases {
    divisor: NonZeroU16,
    millis: u16,
}

const DEFAULT_DIVISOR: NonZeroU16 = NonZeroU16::new(8).unwrap();

const DEFAULT_MILLIS: u16 = 1000;

const MIN_MILLIS: u16 = 100;

const MAX_MILLIS: u16 = 10_000;

impl Leases {
    /// Sets the bound of all unused units, over all processes: one part in `divisor` of what remains. Defaults to 8. 0
    /// counts as 1.
    ///
    /// Each process takes the share of it that corresponds to its part of the recent use. It estimates that from the
    /// reports of the storage.
    #[must_use]
    pub fn share(mut self, divisor: u16) -> Self {
        self.divisor = NonZeroU16::new(divisor).unwrap_or(NonZeroU16::MIN);
        self
    }

    /// Sets the longest time that a unit stands unused, from 100 ms to 10 s. Defaults to 1 s.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        let millis = u16::try_from(duration.as_millis()).unwrap_or(MAX_MILLIS);
        self.millis = millis.clamp(MIN_MILLIS, MAX_MILLIS);
        self
    }

    /// Returns the divisor of what remains.
    #[cfg(feature = "remote")]
    pub(crate) fn divisor(self) -> u64 {
        self.divisor.get().into()
    }

    /// Returns the longest time that a unit stands unused, in nanoseconds.
    #[cfg(feature = "remote")]
    pub(crate) fn nanos(self) -> u64 {
        u64::from(self.millis) * 1_000_000
    }
}

impl Default for Leases {
    /// An eighth of what remains, and one second.
    fn default() -> Self {
        Self { divisor: DEFAULT_DIVISOR, millis: DEFAULT_MILLIS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_optional_one_fits_beside_the_flags_of_a_policy() {
        assert_eq!(size_of::<Option<Leases>>(), 4);
    }

    #[test]
    fn settings_stay_within_their_bounds() {
        let of = |millis| Leases::default().duration(Duration::from_millis(millis)).millis;
        assert_eq!([0, 250, 1 << 40].map(of), [MIN_MILLIS, 250, MAX_MILLIS]);
        assert_eq!(Leases::default().share(0).divisor.get(), 1);
    }
}
