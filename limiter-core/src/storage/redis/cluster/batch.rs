//! Decisions over several slots: one call for each, sent at once. If a slot refuses, the others undo theirs.

use std::{collections::BTreeMap, io, pin::pin, slice, sync::Arc, time::Duration};

use futures_util::future::{Either, join, join_all, select};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::{runtime::Handle, sync::oneshot, task::JoinHandle, time::sleep};

use super::{
    Cluster,
    on_refusal::OnRefusal,
    part::{self, BatchPart},
    slot,
};
use crate::{
    Timestamp, Window,
    log::{Throttle, event, shown},
    storage::{
        Batch, Decision, Hit, Refund, Renewal, StorageError, Verdict,
        decision::Windows,
        overdue::drop_overdue,
        redis::{
            call::{Call, CallTime},
            error,
            reply::{self, ScriptReply},
        },
    },
};

/// The time to wait for answers after the request has given up, to undo the calls that arrived.
const GRACE_PERIOD: Duration = Duration::from_secs(1);

/// Decides a batch, in one call if all keys are in one slot.
pub(in super::super) async fn decide(
    cluster: &Arc<Cluster>,
    batch: &Batch<'_>,
    time: CallTime,
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

/// Refunds hits: one call for each slot, sent at once.
pub(in super::super) async fn refund(
    cluster: &Arc<Cluster>,
    taken: &[Refund<'_>],
    time: Option<Timestamp>,
    key: impl Fn(&Hit<'_>) -> String,
) -> Result<(), StorageError> {
    let slots = by_slot(taken, |taken| slot::of(&key(&taken.hit)));
    run(cluster, slots.into_iter().map(|(slot, taken)| (slot, Call::refund(taken, time, &key)))).await
}

/// Renews leases: one call for each slot, sent at once. A slot that fails does not affect the others.
pub(in super::super) async fn renew(
    cluster: &Arc<Cluster>,
    taken: &[Refund<'_>],
    time: Option<Timestamp>,
    key: impl Fn(&Hit<'_>) -> String,
) -> Result<Vec<Renewal>, StorageError> {
    let numbered: Vec<(usize, &Refund<'_>)> = taken.iter().enumerate().collect();
    let slots = by_slot(&numbered, |(_, taken)| slot::of(&key(&taken.hit)));
    let renewed = slots.into_iter().map(async |(slot, numbered)| {
        let call = Call::renew(numbered.iter().map(|(_, taken)| *taken), time, &key);
        let answer = cluster.run(slot, &call).await.map_err(error::storage);
        (answer.and_then(|answer| reply::renewals(&answer, numbered.len())), numbered)
    });
    let mut renewals = vec![Renewal::Unknown; taken.len()];
    let mut last_error = None;
    for (renewed, numbered) in join_all(renewed).await {
        match renewed {
            Ok(renewed) => {
                numbered.iter().zip(renewed).for_each(|((number, _), renewal)| renewals[*number] = renewal);
            }
            Err(error) => last_error = Some(error),
        }
    }
    let is_known = renewals.iter().any(|renewal| *renewal != Renewal::Unknown);
    last_error.filter(|_| !is_known).map_or(Ok(renewals), Err)
}

/// Clears counts: one call for each slot, sent at once.
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

/// Runs calls at once. All must succeed.
async fn run(cluster: &Arc<Cluster>, calls: impl Iterator<Item = (u16, Call)>) -> Result<(), StorageError> {
    let calls: Vec<_> = calls.collect();
    let answers = join_all(calls.iter().map(|(slot, call)| cluster.run(*slot, call))).await;
    answers.into_iter().try_for_each(|answer| answer.map(drop)).map_err(error::storage)
}

async fn over_slots(
    cluster: &Arc<Cluster>,
    batch: &Batch<'_>,
    slots: &[u16],
    time: CallTime,
    key: impl Fn(&Hit<'_>) -> String,
) -> Result<Decision, StorageError> {
    let parts = part::split(batch, slots);
    let calls = calls(&parts, time, &key);
    let on_refusal = OnRefusal::new(batch, slots, |hits| Call::decide_part(&Batch::new(hits), time, &key));
    let (answers, ending) = run_in_background(cluster, Arc::clone(&calls), on_refusal).await?;
    let answers = answers.await.map_err(|_| StorageError::new("the async runtime has ended"))?;
    let replies = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let verdict = verdict(&replies);
    let windows = windows(&parts, &calls, replies.iter(), verdict);
    if verdict != Verdict::Admitted {
        let ended = ending.await;
        ended.map_err(|error| StorageError::new("a refused batch was not undone").with_source(error))?;
    }
    reply::check(Decision::from_windows(verdict, batch.guards.len(), windows), batch)
}

pub(super) type Calls = Arc<[(u16, Call)]>;
type Replies = Vec<Result<ScriptReply, StorageError>>;

fn calls(parts: &[BatchPart<'_>], time: CallTime, key: impl Fn(&Hit<'_>) -> String) -> Calls {
    parts.iter().map(|part| (part.slot, Call::decide_part(&part.batch(), time, &key))).collect()
}

/// Runs all calls at once. Then it undoes those that do not fit the verdict, and takes the hits on refusal.
///
/// It does so in the background, since the request may give up at any time.
async fn run_in_background(
    cluster: &Arc<Cluster>,
    calls: Calls,
    on_refusal: Option<OnRefusal>,
) -> Result<(oneshot::Receiver<Replies>, JoinHandle<()>), StorageError> {
    let runtime = Handle::try_current().map_err(|error| error::storage(io::Error::other(error).into()))?;
    let (mut sender, receiver) = oneshot::channel();
    let owned = Arc::clone(cluster);
    let task = async move {
        let replies = replies(&owned, &calls, &mut sender).await;
        let undo = undo(&calls, &replies);
        let due = due(on_refusal, &calls, &replies);
        // It fails if the request has given up.
        let _ = sender.send(replies);
        join(run_all(&owned, &undo), run_in_order(&owned, &due)).await;
    };
    Ok((receiver, cluster.background.begin(&runtime, task).await))
}

/// Returns the replies that arrive before the request has given up, or shortly after.
async fn replies(cluster: &Arc<Cluster>, calls: &Calls, sender: &mut oneshot::Sender<Replies>) -> Replies {
    let late = || Err(StorageError::new("a node of the Redis cluster did not answer in time"));
    let replies: Mutex<Replies> = Mutex::new(calls.iter().map(|_| late()).collect());
    let running = join_all(calls.iter().enumerate().map(async |(place, (slot, call))| {
        let answer = cluster.run(*slot, call).await.map_err(error::storage);
        replies.lock()[place] = answer.and_then(|answer| ScriptReply::decode(&answer, call));
    }));
    let given_up = async {
        sender.closed().await;
        sleep(GRACE_PERIOD).await;
    };
    if let Either::Right(((), running)) = select(Box::pin(running), pin!(given_up)).await {
        drop_overdue(running);
    }
    replies.into_inner()
}

/// Returns the calls that undo those which do not fit the verdict.
fn undo(calls: &Calls, replies: &Replies) -> Vec<(u16, Call)> {
    // Without all the replies there is no verdict.
    let verdict = complete(replies).map(verdict);
    let ran = calls.iter().zip(replies);
    let undo = ran.filter_map(|((slot, call), reply)| {
        let reply = reply.as_ref().ok().filter(|reply| must_undo(reply, verdict))?;
        Some((*slot, call.undo(reply)?))
    });
    undo.collect()
}

/// Returns the calls that take the hits on refusal which the verdict makes due.
fn due(on_refusal: Option<OnRefusal>, calls: &Calls, replies: &Replies) -> Vec<(u16, Call)> {
    let (Some(on_refusal), Some(replies)) = (on_refusal, complete(replies)) else { return Vec::new() };
    if verdict(replies.iter().copied()) != Verdict::Refused {
        return Vec::new();
    }
    on_refusal.due(|parts| windows(parts, calls, replies, Verdict::Refused))
}

/// Returns the replies of all slots, or `None` if one is missing.
fn complete(replies: &Replies) -> Option<Vec<&ScriptReply>> {
    replies.iter().map(|reply| reply.as_ref().ok()).collect()
}

/// Returns whether the effects of a slot do not fit the verdict of the batch.
///
/// Ends that refusals moved stay moved if the batch is refused, but not if a guard refuses it.
fn must_undo(reply: &ScriptReply, verdict: Option<Verdict>) -> bool {
    reply.verdict != Verdict::RefusedByGuard && verdict != Some(reply.verdict)
}

/// Runs calls at once. Errors are only logged, since they do not change the verdict.
async fn run_all(cluster: &Arc<Cluster>, calls: &[(u16, Call)]) {
    static FAILED: Throttle = Throttle::new(None, Throttle::MAX, Throttle::INTERVAL);
    let answers = calls.iter().map(|(slot, call)| cluster.run(*slot, call));
    for error in join_all(answers).await.into_iter().filter_map(Result::err) {
        event!(
            FAILED.permit_now(),
            DEBUG,
            error = shown(&error),
            "call after a refusal failed in a slot of the Redis cluster"
        );
    }
}

/// Runs calls at once, but those of a slot one after the other, since they may hit one count.
async fn run_in_order(cluster: &Arc<Cluster>, calls: &[(u16, Call)]) {
    let slots = by_slot(calls, |(slot, _)| *slot);
    let in_order = slots.into_values().map(async |calls| {
        for call in calls {
            run_all(cluster, slice::from_ref(call)).await;
        }
    });
    join_all(in_order).await;
}

fn verdict<'a>(replies: impl IntoIterator<Item = &'a ScriptReply>) -> Verdict {
    replies.into_iter().fold(Verdict::Admitted, |verdict, reply| match (verdict, reply.verdict) {
        (Verdict::RefusedByGuard, _) | (_, Verdict::RefusedByGuard) => Verdict::RefusedByGuard,
        (Verdict::Refused, _) | (_, Verdict::Refused) => Verdict::Refused,
        (Verdict::Admitted, Verdict::Admitted) => Verdict::Admitted,
    })
}

/// Returns the windows of the guards and limits of all parts.
fn windows<'a>(
    parts: &[BatchPart<'_>],
    calls: &Calls,
    replies: impl IntoIterator<Item = &'a ScriptReply>,
    verdict: Verdict,
) -> Windows {
    let hits = calls.iter().map(|(_, call)| call.reports()).sum();
    let mut windows: SmallVec<[Option<Window>; 6]> = (0..hits).map(|_| None).collect();
    for ((part, (_, call)), reply) in parts.iter().zip(calls.iter()).zip(replies) {
        part.report(call, reply, must_undo(reply, Some(verdict)), |place, window| {
            windows[place] = Some(window);
        });
    }
    windows.into_iter().flatten().collect()
}
