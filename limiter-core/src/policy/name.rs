use std::fmt::Write;

use super::Policy;
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
