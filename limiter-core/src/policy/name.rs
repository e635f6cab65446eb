use std::fmt::Write;

use super::Policy;
#[cfg(feature = "redis")]
use crate::name::first_bytes_of_hash;
use crate::{Strategy, name::escape};

impl Strategy {
    /// Returns the two letters that identify the strategy in names of counts.
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
    /// Appends the name of this policy, which is unique to it and the same in every process.
    pub(crate) fn write_name(&self, name: &mut String) {
        let keeps_used = self.keeps_used();
        let code = if self.is_concurrent() { "cr" } else { self.strategy.code() };
        let _ = write!(name, ":{code}:");
        // The count does not depend on the amount if it keeps what was used.
        let _ = if keeps_used { write!(name, "any:") } else { write!(name, "{}:", self.amount()) };
        match self.calendar {
            None => _ = write!(name, "{}:", self.quota.window_seconds()),
            Some(calendar) => {
                escape(&calendar.name(), name);
                name.push(':');
            }
        }
        let _ = if keeps_used { write!(name, ":") } else { write!(name, "{}:", self.capacity) };
        // A label contains no colon here.
        name.push_str(if self.metered { "metered:" } else { "" });
        escape(&self.label, name);
    }

    /// Returns the name of this policy's record, the same in every process: 64 bits of SHA-256 of its name.
    #[cfg(feature = "redis")]
    pub(crate) fn record_name(&self) -> [u8; 8] {
        self.record_name.get_or_init(|| {
            let mut name = String::with_capacity(40);
            self.write_name(&mut name);
            first_bytes_of_hash(&name)
        })
    }
}
