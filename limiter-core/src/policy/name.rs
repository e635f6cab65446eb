use std::fmt::Write;
#[cfg(feature = "redis")]
use std::{
    hash::{Hash, Hasher},
    sync::OnceLock,
};

use super::Policy;
#[cfg(feature = "redis")]
use crate::name::first_bytes_of_hash;
use crate::{Strategy, name::escape};

impl Strategy {
    /// Two letters that stand for the strategy in the names of counts.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::FixedWindow => "fw",
            Self::FixedWindowElasticExpiry => "fe",
            Self::MovingWindow => "mw",
            Self::SlidingWindowCounter => "sw",
            Self::TokenBucket => "tb",
        }
    }
}

impl Policy {
    /// Appends a text that stands for this policy in every process: no other policy has it.
    pub(crate) fn write_name(&self, name: &mut String) {
        let (code, amount, window) = (self.strategy.code(), self.amount(), self.quota.window_seconds());
        let _ = write!(name, ":{code}:{amount}:{window}:{}:", self.capacity);
        escape(&self.label, name);
    }
}

/// What stands for a policy among the counts of one client and scope: 64 bits of SHA-256 of its name, worked out when
/// they are first needed.
#[cfg(feature = "redis")]
#[derive(Clone, Debug, Default)]
pub(super) struct RecordName(OnceLock<[u8; 8]>);

#[cfg(feature = "redis")]
impl Policy {
    /// By which a record of this policy is found, in every process.
    pub(crate) fn record_name(&self) -> [u8; 8] {
        *self.record_name.0.get_or_init(|| {
            let mut name = String::with_capacity(40);
            self.write_name(&mut name);
            first_bytes_of_hash(&name)
        })
    }
}

/// It follows from the rest of a policy, so it makes no difference.
#[cfg(feature = "redis")]
impl PartialEq for RecordName {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(feature = "redis")]
impl Eq for RecordName {}

#[cfg(feature = "redis")]
impl Hash for RecordName {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
