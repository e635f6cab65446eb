//! The identity of counts.

use super::Policy;
#[cfg(feature = "redis")]
use super::record_name::RecordName;
use crate::{
    Strategy,
    digest::{Digest, halves},
};

/// Stands in the id for all amounts. It is above the largest one.
const ANY_AMOUNT: u64 = u64::MAX;

impl Policy {
    /// Returns the id of the count within a scope and key. Policies that have the same count have the same id, such as
    /// those that [keep what was used](Self::with_keep_used) and differ in their amount only.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Computes the id anew; every change of a field that makes a difference must end here.
    pub(super) fn with_id(mut self) -> Self {
        let mut digest = Digest::new();
        digest.text(&self.label);
        let keeps_used = self.keeps_used();
        digest.word(0, if keeps_used { ANY_AMOUNT } else { self.quota.amount() });
        digest.word(0, if self.is_concurrent() { 0 } else { self.window });
        digest.word(0, if keeps_used { ANY_AMOUNT } else { self.capacity });
        digest.text(self.strategy.name());
        if self.is_concurrent() {
            digest.text("concurrent");
        }
        if self.metered {
            digest.text("metered");
        }
        if let Some(calendar) = self.calendar {
            digest.text(&self.quota.unit().to_string());
            digest.text(&calendar.zone().to_string());
        }
        let [id, _] = halves(digest.finish());
        self.id = id;
        self.max_cost = self.capacity;
        #[cfg(feature = "redis")]
        {
            self.record_name = RecordName::default();
        }
        self
    }

    /// Returns whether policies with other amounts have the same count, which may then exceed the amount.
    pub(crate) fn keeps_used(&self) -> bool {
        (self.keep_used || self.is_concurrent()) && self.strategy != Strategy::TokenBucket
    }
}
