use std::sync::atomic::{AtomicU64, Ordering};

/// The number of answers that have arrived over a connection.
#[derive(Default)]
pub(super) struct AnswerCount(AtomicU64);

/// A call that waits for its answer over a connection.
///
/// If the caller drops it, and no other answer has arrived meanwhile, the connection counts as dead. Nothing else
/// would reveal that: packets that vanish raise no error for a quarter of an hour.
pub(super) struct PendingAnswer<'a, F: FnOnce()> {
    count: &'a AnswerCount,
    count_before: u64,
    on_silence: Option<F>,
}

impl AnswerCount {
    /// Begins to wait for an answer. `on_silence` runs if the connection counts as dead.
    pub(super) fn begin<F: FnOnce()>(&self, on_silence: F) -> PendingAnswer<'_, F> {
        PendingAnswer { count: self, count_before: self.get(), on_silence: Some(on_silence) }
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<F: FnOnce()> PendingAnswer<'_, F> {
    /// Records that the answer has arrived.
    pub(super) fn answered(mut self) {
        self.on_silence = None;
        self.count.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl<F: FnOnce()> Drop for PendingAnswer<'_, F> {
    fn drop(&mut self) {
        if let Some(on_silence) = self.on_silence.take()
            && self.count.get() == self.count_before
        {
            on_silence();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_connection_is_dead_when_a_call_was_dropped_and_nothing_was_answered() {
        let (count, is_dead) = (AnswerCount::default(), Cell::new(false));
        let pending = || count.begin(|| is_dead.set(true));

        pending().answered();
        assert!(!is_dead.get());

        let dropped = pending();
        pending().answered();
        drop(dropped);
        assert!(!is_dead.get(), "another call was answered meanwhile");

        drop(pending());
        assert!(is_dead.get());
    }
}
