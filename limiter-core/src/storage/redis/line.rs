//! Connections: one for each async runtime, made when it is first needed, replaced when it is lost.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use redis::{Cmd, RedisError, RedisResult, Value};
use tokio::{
    runtime::{self, Handle},
    sync::watch,
    time::timeout,
};

use super::{
    dial::{Connection, Dial},
    error,
};

/// A connection for each async runtime that asks: what drives a connection ends with its runtime, and a worker
/// that is busy elsewhere holds up nobody else's.
pub(super) struct Lines {
    dial: Arc<Dial>,
    patience: Duration,
    present: Mutex<Vec<Arc<Line>>>,
}

/// A connection that is being made or in use.
struct Line {
    runtime: runtime::Id,
    /// None until the attempt has come to an end.
    attempt: watch::Receiver<Option<RedisResult<Connection>>>,
    /// How many commands were answered.
    answers: AtomicU64,
}

impl Lines {
    pub(super) fn new(dial: Dial, patience: Duration) -> Self {
        Self { dial: Arc::new(dial), patience, present: Mutex::default() }
    }

    pub(super) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        let line = self.line()?;
        let mut connection = line.connection().await?;
        let pending = Pending::new(self, &line);
        let answer = connection.ask(command).await.and_then(Value::extract_error);
        pending.answered();
        if answer.as_ref().is_err_and(error::is_lost) {
            self.remove(&line);
        }
        answer
    }

    /// The line of this runtime; begins a new one when there is none or it has failed.
    fn line(&self) -> RedisResult<Arc<Line>> {
        let handle = Handle::try_current().map_err(io::Error::other)?;
        let mut lines = self.present.lock();
        let has_ended = |line: &Line| line.runtime == handle.id() && line.has_failed();
        if let Some(line) = lines.iter().find(|line| line.runtime == handle.id() && !has_ended(line)) {
            return Ok(Arc::clone(line));
        }
        lines.retain(|line| !line.is_orphan() && !has_ended(line));
        let line = Arc::new(Line::begin(&handle, Arc::clone(&self.dial), self.patience));
        lines.push(Arc::clone(&line));
        Ok(line)
    }

    fn remove(&self, line: &Arc<Line>) {
        self.present.lock().retain(|other| !Arc::ptr_eq(other, line));
    }
}

impl Line {
    /// Connects in the background, so that a request which gives up does not end the attempt.
    fn begin(handle: &Handle, dial: Arc<Dial>, patience: Duration) -> Self {
        let (sender, attempt) = watch::channel(None);
        handle.spawn(async move {
            let connection = timeout(patience, dial.connect()).await;
            let too_late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            sender.send_replace(Some(connection.unwrap_or_else(too_late)));
            // When the runtime ends so does this, by which the line is known to be an orphan.
            sender.closed().await;
        });
        Self { runtime: handle.id(), attempt, answers: AtomicU64::new(0) }
    }

    async fn connection(&self) -> RedisResult<Connection> {
        let mut attempt = self.attempt.clone();
        let ended = |_| RedisError::from(io::Error::from(io::ErrorKind::NotConnected));
        let connection = attempt.wait_for(Option::is_some).await.map_err(ended)?;
        connection.clone().unwrap_or_else(|| Err(io::Error::from(io::ErrorKind::NotConnected).into()))
    }

    fn has_failed(&self) -> bool {
        matches!(*self.attempt.borrow(), Some(Err(_)))
    }

    fn is_orphan(&self) -> bool {
        self.attempt.has_changed().is_err()
    }
}

/// A command that waits for its answer.
///
/// When it is given up and nobody has had an answer meanwhile, the connection is taken for dead: nothing else
/// would tell, since packets that vanish raise no error for a quarter of an hour.
struct Pending<'a> {
    lines: &'a Lines,
    line: &'a Arc<Line>,
    answers: u64,
    is_answered: bool,
}

impl<'a> Pending<'a> {
    fn new(lines: &'a Lines, line: &'a Arc<Line>) -> Self {
        Self { lines, line, answers: line.answers.load(Ordering::Relaxed), is_answered: false }
    }

    fn answered(mut self) {
        self.is_answered = true;
        self.line.answers.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_answered && self.line.answers.load(Ordering::Relaxed) == self.answers {
            self.lines.remove(self.line);
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dial.fmt(f)
    }
}
