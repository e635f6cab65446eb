//! Exemptions.

use std::ops::{BitOr, BitOrAssign};

/// The levels whose limits an exemption lifts, as far as they are declared further out. Limits on the exempt route
/// or scope itself, or further in, still apply.
///
/// ```
/// use limiter_actix::Exempt;
///
/// let lifted = Exempt::DEFAULT | Exempt::APPLICATION;
/// assert!(lifted.contains(Exempt::DEFAULT));
/// assert!(!lifted.contains(Exempt::ALL));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Exempt(u8);

impl Exempt {
    /// Lifts nothing.
    pub const NONE: Self = Self(0);
    /// Lifts the default limits.
    pub const DEFAULT: Self = Self(1);
    /// Lifts the application limits.
    pub const APPLICATION: Self = Self(1 << 1);
    /// Lifts the meta limits.
    pub const META: Self = Self(1 << 2);
    /// Lifts the limits of the surrounding scopes.
    pub const SCOPES: Self = Self(1 << 3);
    /// Lifts all of these.
    pub const ALL: Self = Self(0b1111);

    /// Returns whether this exemption lifts all levels that `other` lifts.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Exempt {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Exempt {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}
