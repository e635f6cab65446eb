//! Decisions over several slots: one call for each, sent at once; what was taken is returned when another slot
//! refuses.

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use futures_util::future::{join, join_all, select};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};

use super::{
    Cluster,
    part::{self, Part},
    slot,
};
use crate::{
    Timestamp, Window,
    storage::{
        Batch, Decision, Hit, Refund, StorageError, Verdict,
        redis::{
            call::Call,
            error,
            reply::{self, Reply},
        },
    },
};

/// How long answers are waited for after the request has given up, so that what they took can be returned.
const AFTER_GIVING_UP: Duration = Duration::from_secs(1);

/// Decides a batch, in one call if it is all in one slot.
pub(in super::super) async fn decide(
    cluster: &Arc<Cluster>,
    batch: &Batch<'_>,
    time: Option<Timestamp>,
    key: impl Fn(&Hit<'_>) -> String,
) -> Result<Decision, StorageError> {
    let call = Call::decide(batch, time, &key);
    let slots: SmallVec<[u16; 6]> = call.keys().iter().map(|key| slot::of(key)).collect();
    if slots.iter().all(|slot| *slot == slots[0]) {
        let slot = slots.first().copied().unwrap_or(0);
        let answer = cluster.run(slot, &call).await.map_err(error::storage)?;
        return reply::decision(&answer, batch, &call);
    }
    let slots: Vec<_> = call.places_of_keys().map(|place| slots[place]).collect();
    over_slots(cluster, batch, &slots, time, key).await
}

/// Returns what was taken: one call for each slot, sent at once.
pub(in super::super) async fn refund(
    cluster: &Arc<Cluster>,
    taken: &[Refund<'_>],
    time: Option<Timestamp>,
    key: impl Fn(&Hit<'_>) -> String,
) -> Result<(), StorageError> {
    let slots = by_slot(taken, |taken| slot::of(&key(&taken.hit)));
    run(cluster, slots.into_iter().map(|(slot, taken)| (slot, Call::refund(taken, time, &key)))).await
}

/// Forgets counts: one call for each slot, sent at once.
pub(in super::super) async fn clear(
    cluster: &Arc<Cluster>,
    hits: &[Hit<'_>],
    key: impl Fn(&Hit<'_>) -> String,
) -> Result<(), StorageError> {
    let slots = by_slot(hits, |hit| slot::of(&key(hit)));
    run(cluster, slots.into_iter().map(|(slot, hits)| (slot, Call::clear(hits, &key)))).await
}

fn by_slot<T>(hits: &[T], slot: impl Fn(&T) -> u16) -> BTreeMap<u16, Vec<&T>> {
    let mut slots: BTreeMap<u16, Vec<&T>> = BTreeMap::new();
    for hit in hits {
        slots.entry(slot(hit)).or_default().push(hit);
    }
    slots
}

/// Runs calls at once that must all succeed.
async fn run(cluster: &Arc<Cluster>, calls: impl Iterator<Item = (u16, Call)>) -> Result<(), StorageError> {
    let calls: Vec<_> = calls.collect();
    let answers = join_all(calls.iter().map(|(slot, call)| cluster.run(*slot, call))).await;
    answers.into_iter().try_for_each(|answer| answer.map(drop)).map_err(error::storage)
}

async fn over_slots(
    cluster: &Arc<Cluster>,
    batch: &Batch<'_>,
    slots: &[u16],
    time: Option<Timestamp>,
    key: impl Fn(&Hit<'_>) -> String,
) -> Result<Decision, StorageError> {
    let parts = part::parts(batch, slots);
    let calls = calls(&parts, time, &key);
    let (answers, returning) = ask(cluster, Arc::clone(&calls));
    let answers = answers.await.map_err(|_| StorageError::new("the async runtime has ended"))?;
    let replies = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let verdict = verdict(&replies);
    let windows = windows(&parts, &calls, &replies, verdict, batch.guards.len() + batch.limits.len());
    if verdict != Verdict::Admitted {
        let limits = &windows[batch.guards.len()..];
        let on_refusal = hit_on_refusal(cluster, batch, verdict, limits, time, &key);
        let ((), returned) = join(on_refusal, returning).await;
        returned.map_err(|error| StorageError::new("what was taken was not returned").with_source(error))?;
    }
    Ok(Decision::from_windows(verdict, batch.guards.len(), windows))
}

type Calls = Arc<[(u16, Call)]>;
type Answers = Vec<Result<Reply, StorageError>>;

fn calls(parts: &[Part<'_>], time: Option<Timestamp>, key: impl Fn(&Hit<'_>) -> String) -> Calls {
    parts.iter().map(|part| (part.slot, Call::decide_in_part(&part.batch(), time, &key))).collect()
}

/// Asks all at once, and returns what was taken in vain even if nobody waits for it any more: the request may
/// give up at any time.
fn ask(cluster: &Arc<Cluster>, calls: Calls) -> (oneshot::Receiver<Answers>, JoinHandle<()>) {
    let (mut sender, receiver) = oneshot::channel();
    let cluster = Arc::clone(cluster);
    let task = tokio::spawn(async move {
        let answers = answers(&cluster, &calls, &mut sender).await;
        let undo = undo(&calls, &answers);
        // Where nobody waits for the answers, nobody is told.
        let _ = sender.send(answers);
        run_all(&cluster, &undo).await;
    });
    (receiver, task)
}

/// The answers that come before nobody waits for them, and shortly after.
async fn answers(cluster: &Arc<Cluster>, calls: &Calls, sender: &mut oneshot::Sender<Answers>) -> Answers {
    let late = || Err(StorageError::new("a node of the Redis cluster did not answer in time"));
    let answers: Mutex<Answers> = Mutex::new(calls.iter().map(|_| late()).collect());
    let asking = join_all(calls.iter().enumerate().map(async |(place, (slot, call))| {
        let answer = cluster.run(*slot, call).await.map_err(error::storage);
        answers.lock()[place] = answer.and_then(|answer| Reply::read(&answer, call));
    }));
    let given_up = async {
        sender.closed().await;
        sleep(AFTER_GIVING_UP).await;
    };
    select(pin!(asking), pin!(given_up)).await;
    answers.into_inner()
}

/// The calls that return what was taken in vain, and move back what was moved.
fn undo(calls: &Calls, answers: &Answers) -> Vec<(u16, Call)> {
    let replies: Option<Vec<_>> = answers.iter().map(|answer| answer.as_ref().ok()).collect();
    // Without all the answers nothing was decided.
    let verdict = replies.map(verdict);
    let asked = calls.iter().zip(answers);
    let undo = asked.filter_map(|((slot, call), answer)| {
        let reply = answer.as_ref().ok().filter(|reply| is_in_vain(reply, verdict))?;
        Some((*slot, call.undo(reply)?))
    });
    undo.collect()
}

/// Whether what a slot did does not fit what comes out of all: ends that limits moved by refusing stay moved when
/// the batch is refused, but not when it is guarded.
fn is_in_vain(reply: &Reply, verdict: Option<Verdict>) -> bool {
    reply.verdict != Verdict::RefusedByGuard && verdict != Some(reply.verdict)
}

/// Runs calls at once of which nothing is to be known. The verdict stands whatever comes of them.
async fn run_all(cluster: &Arc<Cluster>, calls: &[(u16, Call)]) {
    let answers = calls.iter().map(|(slot, call)| cluster.run(*slot, call));
    for error in join_all(answers).await.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a slot of the Redis cluster did not learn of a refusal in another one");
    }
}

fn verdict<'a>(replies: impl IntoIterator<Item = &'a Reply>) -> Verdict {
    replies.into_iter().fold(Verdict::Admitted, |verdict, reply| match (verdict, reply.verdict) {
        (Verdict::RefusedByGuard, _) | (_, Verdict::RefusedByGuard) => Verdict::RefusedByGuard,
        (Verdict::Refused, _) | (_, Verdict::Refused) => Verdict::Refused,
        (Verdict::Admitted, Verdict::Admitted) => Verdict::Admitted,
    })
}

fn windows(
    parts: &[Part<'_>],
    calls: &Calls,
    replies: &[Reply],
    verdict: Verdict,
    hits: usize,
) -> SmallVec<[Window; 6]> {
    let mut windows: SmallVec<[Option<Window>; 6]> = (0..hits).map(|_| None).collect();
    for ((part, (_, call)), reply) in parts.iter().zip(calls.iter()).zip(replies) {
        part.report(call, reply, is_in_vain(reply, Some(verdict)), |place, window| {
            windows[place] = Some(window);
        });
    }
    windows.into_iter().flatten().collect()
}

/// Hits what is hit when the limits refused, each by itself.
async fn hit_on_refusal(
    cluster: &Arc<Cluster>,
    batch: &Batch<'_>,
    verdict: Verdict,
    limits: &[Window],
    time: Option<Timestamp>,
    key: impl Fn(&Hit<'_>) -> String,
) {
    if verdict != Verdict::Refused {
        return;
    }
    let refused = |limit: usize| {
        let hit = batch.limits.get(limit);
        hit.is_some_and(|hit| !hit.shadow) && !limits[limit].is_allowed()
    };
    let due = batch.on_refusal.iter().filter(|hit| hit.only_after.is_none_or(refused));
    // In shadow each is taken if it passes, whatever the others do.
    let hits: Vec<_> = due.map(|hit| hit.shadow(true)).collect();
    let slots: Vec<_> = hits.iter().map(|hit| slot::of(&key(hit))).collect();
    let parts = part::parts(&Batch::new(&hits), &slots);
    run_all(cluster, &calls(&parts, time, key)).await;
}
