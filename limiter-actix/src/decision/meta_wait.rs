//! The wait for meta limits that a refusal has spent.
//!
//! A refusal is charged to the meta limits. If it takes the last of one, the client passes only after the wait of that
//! one, although it was refused by another limit.

use std::time::Duration;

use limiter_core::storage::{Batch, Decision, MemoryStorage, Verdict};

use super::{
    charge::{Charge, hits},
    decide::decide_remotely,
    query::StorageQuery,
};
use crate::{
    report::decided_by::DecidedBy,
    settings::{Config, backend::Backend},
};

impl StorageQuery<'_> {
    /// Returns the wait of the meta limits that a refusal has spent, wherever it was decided.
    ///
    /// A remote storage is queried only if the refusal may have spent one. `None` if it does not answer.
    pub(crate) async fn meta_wait(
        &self,
        config: &Config,
        decision: &Decision,
        by: DecidedBy,
    ) -> Option<Duration> {
        let memory = match (&config.settings.storage, by) {
            (_, DecidedBy::Skipped) => return None,
            (Backend::Memory(memory), _) => memory,
            (Backend::Remote { fallback, .. }, DecidedBy::Memory) => fallback,
            (Backend::Remote { storage, .. }, DecidedBy::Storage) => {
                if !self.may_have_spent(decision) {
                    return None;
                }
                let meta = hits(self.on_refusal, self.client);
                let test = Batch::new(&[]).guards(&meta);
                let tested = decide_remotely(config, &**storage, &test, config.settings.clock.now()).await;
                return longest_wait(self.on_refusal, &tested.ok()?);
            }
        };
        self.meta_wait_in_memory(memory, decision)
    }

    /// The same for counts in memory, at once.
    pub(crate) fn meta_wait_in_memory(
        &self,
        memory: &MemoryStorage,
        decision: &Decision,
    ) -> Option<Duration> {
        if !self.may_have_spent(decision) {
            return None;
        }
        let meta = hits(self.on_refusal, self.client);
        longest_wait(self.on_refusal, &memory.decide(&Batch::new(&[]).guards(&meta), self.now))
    }

    /// Returns whether a decision may have spent a meta limit. The windows of guards are from before it. What was no guard
    /// is not known.
    fn may_have_spent(&self, decision: &Decision) -> bool {
        let is_nearly_spent =
            |number: usize| decision.guards().get(number).is_none_or(|it| it.remaining() <= 1);
        let may_refuse = |number: &usize| !self.on_refusal[*number].is_shadow();
        decision.verdict() == Verdict::Refused
            && (0..self.on_refusal.len()).filter(may_refuse).any(is_nearly_spent)
    }
}

/// Returns the longest wait of the meta limits that refuse from now on.
fn longest_wait(meta: &[Charge], tested: &Decision) -> Option<Duration> {
    let refusing = meta.iter().zip(tested.guards()).filter(|(charge, window)| charge.refuses(window));
    refusing.filter_map(|(_, window)| window.retry_after()).max()
}
