//! Connections to a server: one for each async runtime, made when it is first needed, replaced when it is lost.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    runtime::{self, Handle},
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use super::{
    address::Address,
    drive::{self, Question},
    failure::Failure,
    wire::{Commands, Reply},
};

/// A connection for each async runtime that asks: what drives a connection ends with its runtime.
pub(super) struct Lines {
    address: Address,
    patience: Duration,
    present: Mutex<Vec<Arc<Line>>>,
}

/// A connection that is being made or in use.
pub(super) struct Line {
    runtime: runtime::Id,
    questions: mpsc::Sender<Question>,
    state: Arc<State>,
    /// How many questions were answered.
    answers: AtomicU64,
    /// Whether somebody has waited in vain for the server to take the connection.
    is_awaited: AtomicBool,
    driver: AbortHandle,
}

/// What is known of a connection.
#[derive(Default)]
struct State {
    /// Whether the server has taken it.
    is_greeted: AtomicBool,
    /// Why it ended.
    failure: OnceLock<Failure>,
}

impl Lines {
    pub(super) fn new(address: Address, patience: Duration) -> Self {
        Self { address, patience, present: Mutex::default() }
    }

    /// The line of this runtime; begins a new one when there is none or it has failed.
    pub(super) fn line(&self) -> Result<Arc<Line>, Failure> {
        let handle = Handle::try_current().map_err(|_| Failure::NO_RUNTIME)?;
        let mut lines = self.present.lock();
        // Those that have failed, and those whose runtime has ended.
        lines.retain(|line| !line.questions.is_closed());
        if let Some(line) = lines.iter().find(|line| line.runtime == handle.id()) {
            return Ok(Arc::clone(line));
        }
        let line = Arc::new(Line::begin(&handle, self.address.clone(), self.patience));
        lines.push(Arc::clone(&line));
        Ok(line)
    }

    /// Asks over a line of this server.
    pub(super) async fn ask(&self, line: &Arc<Line>, commands: Commands) -> Result<Vec<Reply>, Failure> {
        if line.is_silent() {
            return Err(Failure::SILENT);
        }
        let count = commands.replies;
        let (answer, replies) = oneshot::channel();
        let pending = Pending::new(self, line);
        // Both fail only when the line has.
        let _ = line.questions.send(Question { commands, answer }).await;
        let replies = replies.await;
        pending.ended(replies.is_ok());
        match replies {
            Ok(replies) if replies.len() == count => Ok(replies),
            Ok(_) => Err(Failure::UNEXPECTED),
            Err(_) => {
                self.remove(line);
                Err(line.state.failure.get().cloned().unwrap_or(Failure::ENDED))
            }
        }
    }

    fn remove(&self, line: &Arc<Line>) {
        self.present.lock().retain(|other| !Arc::ptr_eq(other, line));
    }
}

impl Line {
    /// Connects in the background, so that a request which gives up does not end the attempt.
    fn begin(handle: &Handle, address: Address, patience: Duration) -> Self {
        let (sender, mut questions) = drive::questions();
        let state = Arc::<State>::default();
        let seen = Arc::clone(&state);
        let driver = handle.spawn(async move {
            let driven = drive::drive(&address, patience, &mut questions, &seen.is_greeted).await;
            // Before the questions are dropped: those who ask look for it then.
            let _ = seen.failure.set(driven.failure.clone());
        });
        Self {
            runtime: handle.id(),
            questions: sender,
            state,
            answers: AtomicU64::new(0),
            is_awaited: AtomicBool::new(false),
            driver: driver.abort_handle(),
        }
    }

    /// Whether nobody need wait for it: somebody has, and there has been no sign of the server since. With
    /// several servers, the clients of one that hangs shall not all wait.
    fn is_silent(&self) -> bool {
        self.is_awaited.load(Ordering::Relaxed) && !self.is_greeted()
    }

    fn is_greeted(&self) -> bool {
        self.state.is_greeted.load(Ordering::Relaxed)
    }
}

/// What drives it may hang in the middle of a question.
impl Drop for Line {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A question that waits for its answer.
///
/// When it is given up and nobody has had an answer meanwhile, the connection is taken for dead: nothing else
/// would tell, since packets that vanish raise no error for a quarter of an hour.
struct Pending<'a> {
    lines: &'a Lines,
    line: &'a Arc<Line>,
    answers: u64,
    has_ended: bool,
}

impl<'a> Pending<'a> {
    fn new(lines: &'a Lines, line: &'a Arc<Line>) -> Self {
        Self { lines, line, answers: line.answers.load(Ordering::Relaxed), has_ended: false }
    }

    fn ended(mut self, is_answered: bool) {
        self.has_ended = true;
        if is_answered {
            self.line.answers.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.has_ended || self.line.answers.load(Ordering::Relaxed) != self.answers {
            return;
        }
        if self.line.is_greeted() {
            self.lines.remove(self.line);
        } else {
            // It goes on connecting by itself.
            self.line.is_awaited.store(true, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address, f)
    }
}

#[cfg(test)]
mod tests;
