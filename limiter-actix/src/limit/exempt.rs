//! What an exemption lifts.

use std::ops::{BitOr, BitOrAssign};

/// What an exemption lifts of what is declared further out. Limits declared on the exempt thing itself, or
/// further in, still hold.
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
    /// Lifts the limits of the scopes around.
    pub const SCOPES: Self = Self(1 << 3);
    /// Lifts all of these.
    pub const ALL: Self = Self(0b1111);

    /// Whether all that `other` lifts is lifted.
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
