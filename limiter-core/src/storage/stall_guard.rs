use std::sync::atomic::{AtomicU64, Ordering};

use super::overdue;

/// Detects that a connection may have stalled: a call is dropped, and the connection has delivered no reply since the
/// call began.
///
/// Without it a connection whose packets vanish stays in use: the operating system reports no error for about a
/// quarter of an hour.
pub(super) struct StallGuard<'a, F: FnOnce(Silence)> {
    /// The number of replies that the connection has delivered.
    replies: &'a AtomicU64,
    replies_before: u64,
    on_silence: Option<F>,
}

/// The end of a call that was dropped without any reply on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The deadline of the call has run out: the connection has stalled.
    Overdue,
    /// The client has gone away, perhaps at once. That is no fault of the server.
    Abandoned,
}

impl<'a, F: FnOnce(Silence)> StallGuard<'a, F> {
    /// Begins a call on the connection that counts its replies in `replies`.
    pub(super) fn new(replies: &'a AtomicU64, on_silence: F) -> Self {
        Self { replies, replies_before: replies.load(Ordering::Relaxed), on_silence: Some(on_silence) }
    }

    /// Ends the call, with a reply or an error.
    pub(super) fn finish(mut self) {
        self.on_silence = None;
    }
}

impl<F: FnOnce(Silence)> Drop for StallGuard<'_, F> {
    fn drop(&mut self) {
        let Some(on_silence) = self.on_silence.take() else { return };
        if self.replies.load(Ordering::Relaxed) == self.replies_before {
            on_silence(if overdue::is_dropping() { Silence::Overdue } else { Silence::Abandoned });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn only_a_call_that_is_dropped_without_any_reply_is_a_silence() {
        let (replies, silences) = (AtomicU64::new(0), RefCell::new(Vec::new()));
        let call = || StallGuard::new(&replies, |silence| silences.borrow_mut().push(silence));
        let reply = || replies.fetch_add(1, Ordering::Relaxed);
        call().finish();
        let dropped = call();
        reply();
        drop(dropped);
        assert_eq!(silences.take(), [], "another call had a reply");
        drop(call());
        assert_eq!(silences.take(), [Silence::Abandoned]);
        overdue::drop_overdue(call());
        drop(call());
        assert_eq!(silences.take(), [Silence::Overdue, Silence::Abandoned]);
    }
}
