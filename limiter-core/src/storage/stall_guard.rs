use std::sync::atomic::{AtomicU64, Ordering};

/// Detects a stalled connection: runs a function if a call is dropped and the connection has delivered no reply
/// since the call began.
///
/// Without it a connection whose packets vanish stays in use: the operating system reports no error for about a
/// quarter of an hour.
pub(super) struct StallGuard<'a, F: FnOnce()> {
    /// The number of replies that the connection has delivered.
    replies: &'a AtomicU64,
    replies_before: u64,
    on_stall: Option<F>,
}

impl<'a, F: FnOnce()> StallGuard<'a, F> {
    /// Begins a call on the connection that counts its replies in `replies`.
    pub(super) fn new(replies: &'a AtomicU64, on_stall: F) -> Self {
        Self { replies, replies_before: replies.load(Ordering::Relaxed), on_stall: Some(on_stall) }
    }

    /// Ends the call, with a reply or an error.
    pub(super) fn finish(mut self, has_reply: bool) {
        self.on_stall = None;
        if has_reply {
            self.replies.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<F: FnOnce()> Drop for StallGuard<'_, F> {
    fn drop(&mut self) {
        let Some(on_stall) = self.on_stall.take() else { return };
        if self.replies.load(Ordering::Relaxed) == self.replies_before {
            on_stall();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn only_a_call_that_is_dropped_without_any_reply_is_a_stall() {
        let (replies, stalls) = (AtomicU64::new(0), Cell::new(0));
        let call = || StallGuard::new(&replies, || stalls.set(stalls.get() + 1));
        call().finish(false);
        call().finish(true);
        let dropped = call();
        call().finish(true);
        drop(dropped);
        assert_eq!((stalls.get(), replies.load(Ordering::Relaxed)), (0, 2), "another call had a reply");
        drop(call());
        assert_eq!(stalls.get(), 1);
    }
}
