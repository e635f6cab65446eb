//! Jobs that go together: read all counts, do the jobs, write all counts back, and again while somebody else was
//! first.

use std::{
    collections::hash_map::RandomState, future::poll_fn, hash::BuildHasher, mem, pin::pin, sync::Arc,
    task::Poll, time::Duration,
};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::{
    desk::Desk,
    failure::Failure,
    job::{Job, Outcome},
    ledger::Ledger,
    line::Line,
    queue::Waiting,
    wire::{Commands, Reply},
};
use crate::storage::Decision;

/// How often the counts are read and written until it is given up.
const TRIES: u32 = 64;

/// Pauses between two tries are drawn from up to twice the last, up to this many milliseconds.
const LONGEST_PAUSE: u64 = 16;

/// Jobs that are under way. Their counts are free for others when it is dropped.
pub(super) struct Group {
    desk: Arc<Desk>,
    jobs: Vec<Job>,
    outcomes: Vec<Outcome>,
}

/// Does the jobs of a group, then those that have come to wait meanwhile, until none is left.
pub(super) async fn lead(mut group: Group) {
    while !group.jobs.is_empty() {
        group.settle().await;
        group = group.next();
    }
}

impl Group {
    pub(super) fn new(desk: Arc<Desk>, jobs: Vec<Waiting>) -> Self {
        let (jobs, outcomes) = jobs.into_iter().unzip();
        Self { desk, jobs, outcomes }
    }

    /// Does all jobs and tells their outcomes, unless nobody waits for any of them any more.
    async fn settle(&mut self) {
        let mut outcomes = mem::take(&mut self.outcomes);
        let mut run = pin!(run(&self.desk, &self.jobs));
        let decisions = poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(decisions) => Poll::Ready(Some(decisions)),
            Poll::Pending => {
                // Each of them, so that the last one wakes this.
                let waiting = outcomes.iter_mut().map(|it| usize::from(it.poll_closed(context).is_pending()));
                if waiting.sum::<usize>() == 0 { Poll::Ready(None) } else { Poll::Pending }
            }
        });
        match decisions.await {
            Some(Ok(decisions)) => {
                for (outcome, decision) in outcomes.into_iter().zip(decisions) {
                    // Nobody may be waiting any more.
                    let _ = outcome.send(Ok(decision));
                }
            }
            Some(Err(failure)) => {
                for outcome in outcomes {
                    let _ = outcome.send(Err(failure.clone()));
                }
            }
            None => {}
        }
    }

    fn next(mut self) -> Self {
        let next = self.leave();
        Self::new(Arc::clone(&self.desk), next)
    }

    fn leave(&mut self) -> Vec<Waiting> {
        let jobs = mem::take(&mut self.jobs);
        let names = jobs.iter().flat_map(Job::hits).map(|hit| &hit.name);
        self.desk.queue.lock().leave(names)
    }
}

/// When its runtime ends in the middle, those who wait for it are told that nobody comes.
impl Drop for Group {
    fn drop(&mut self) {
        while !self.jobs.is_empty() {
            self.jobs = self.leave().into_iter().map(|(job, _)| job).collect();
        }
    }
}

/// Does the jobs one after the other on copies of their counts, until the copies could be written back.
async fn run(desk: &Desk, jobs: &[Job]) -> Result<Vec<Decision>, Failure> {
    let mut ledger = Ledger::default();
    let places: Vec<Vec<_>> =
        jobs.iter().map(|job| job.hits().iter().map(|hit| ledger.place(hit)).collect()).collect();
    let lines = Connections::open(desk, jobs)?;
    for attempt in 0..TRIES {
        pause(attempt).await;
        ledger.read(lines.ask(ledger.reading()).await?)?;
        let decisions = jobs.iter().zip(&places).map(|(job, places)| job.run(&mut ledger, places)).collect();
        match ledger.written(lines.ask(ledger.writing()).await?) {
            Ok(true) => return Ok(decisions),
            Ok(false) => {}
            Err(failure) => {
                lines.ask(ledger.undoing()).await?;
                return Err(failure);
            }
        }
    }
    lines.ask(ledger.undoing()).await?;
    Err(Failure::CONTENDED)
}

/// The first retry comes at once: mostly one other was first. Later ones keep out of each other's way.
async fn pause(attempt: u32) {
    if attempt > 1 {
        let most = (1 << (attempt - 1).min(10)).min(LONGEST_PAUSE);
        let millis = RandomState::new().hash_one(attempt) % (most + 1);
        sleep(Duration::from_millis(millis)).await;
    }
}

/// The connections that one group uses from its beginning to its end: the numbers of versions are good only on the
/// connection where they were read, since a server that was started again counts them from 1.
struct Connections<'a> {
    desk: &'a Desk,
    lines: Vec<Option<Arc<Line>>>,
}

impl<'a> Connections<'a> {
    fn open(desk: &'a Desk, jobs: &[Job]) -> Result<Self, Failure> {
        let mut lines: Vec<Option<Arc<Line>>> = vec![None; desk.servers.len()];
        for hit in jobs.iter().flat_map(Job::hits) {
            if lines[hit.server].is_none() {
                lines[hit.server] = Some(desk.servers[hit.server].line()?);
            }
        }
        Ok(Self { desk, lines })
    }

    /// Sends each server its commands, all servers at once; returns the replies to each question, in its order.
    async fn ask(&self, questions: Vec<(usize, Commands)>) -> Result<Vec<Vec<Reply>>, Failure> {
        let mut together: Vec<Commands> = self.lines.iter().map(|_| Commands::default()).collect();
        let order: Vec<_> = questions.iter().map(|(server, question)| (*server, question.replies)).collect();
        for (server, question) in questions {
            together[server].text.push_str(&question.text);
            together[server].replies += question.replies;
        }
        let ask = |(server, commands): (usize, Commands)| async move {
            match &self.lines[server] {
                Some(line) if commands.replies > 0 => self.desk.servers[server].ask(line, commands).await,
                _ => Ok(Vec::new()),
            }
        };
        // All of them, even when one fails: a line whose answer nobody takes is taken for dead.
        let replies = join_all(together.into_iter().enumerate().map(ask)).await;
        let mut replies: Vec<_> =
            replies.into_iter().map(|it| it.map(Vec::into_iter)).collect::<Result<_, _>>()?;
        Ok(order.into_iter().map(|(server, count)| replies[server].by_ref().take(count).collect()).collect())
    }
}
