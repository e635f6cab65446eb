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
use redis::{Cmd, RedisResult, Value};
use tokio::runtime::Handle;

use super::{
    attempt::Attempt,
    clock,
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
    attempt: Attempt<Connection>,
    /// How many commands were answered.
    answers: AtomicU64,
}

impl Lines {
    pub(super) fn new(dial: Dial, patience: Duration) -> Self {
        Self { dial: Arc::new(dial), patience, present: Mutex::default() }
    }

    pub(super) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        self.ask_as(command, false).await
    }

    /// Asks a node of a cluster, which is told that another one has sent us.
    #[cfg(feature = "redis-cluster")]
    pub(super) async fn ask_as_sent(&self, command: &Cmd) -> RedisResult<Value> {
        self.ask_as(command, true).await
    }

    async fn ask_as(&self, command: &Cmd, is_sent: bool) -> RedisResult<Value> {
        let line = self.line()?;
        let connection = line.attempt.outcome().await?;
        let pending = Pending::new(self, &line);
        let answer = connection.ask(command, is_sent).await.and_then(Value::extract_error);
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
        let has_ended = |line: &Line| line.attempt.is_of(&handle) && line.attempt.has_failed();
        if let Some(line) = lines.iter().find(|line| line.attempt.is_of(&handle) && !has_ended(line)) {
            return Ok(Arc::clone(line));
        }
        lines.retain(|line| !line.attempt.is_orphan() && !has_ended(line));
        let line = Arc::new(Line::begin(&handle, Arc::clone(&self.dial), self.patience));
        lines.push(Arc::clone(&line));
        Ok(line)
    }

    fn remove(&self, line: &Arc<Line>) {
        self.present.lock().retain(|other| !Arc::ptr_eq(other, line));
    }
}

impl Line {
    fn begin(handle: &Handle, dial: Arc<Dial>, patience: Duration) -> Self {
        let attempt = Attempt::begin(handle, patience, async move { connect(&dial).await });
        Self { attempt, answers: AtomicU64::new(0) }
    }
}

/// Connects, and has the clocks compared meanwhile: no request waits for that.
async fn connect(dial: &Dial) -> RedisResult<Connection> {
    let connection = dial.connect().await?;
    let asked = connection.clone();
    tokio::spawn(clock::compare(async move { asked.ask(&clock::time(), false).await }));
    Ok(connection)
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
