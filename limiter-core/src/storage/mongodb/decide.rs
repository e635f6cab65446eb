//! Decides batches: on one document by one command, or on several at once.

use futures_util::future::join_all;
use mongodb::bson::oid::ObjectId;

use super::{
    command::{self, UpdateCommand},
    counts::CountCollection,
    error,
    layout::BatchLayout,
    pipeline::{DecisionPipeline, Step, StepPipeline},
    replay::Replay,
    reply::DocumentReply,
};
use crate::storage::{Batch, Decision, StorageError};

/// Decides a batch. Returns the decision and the number of live counts that were evicted.
///
/// All documents are updated at once. Each takes its part of the batch if all of that part passes. If another part does
/// not, or if its command fails, the hits are undone. Until then another request may be refused because of them, but none
/// is admitted in excess.
pub(super) async fn decide(
    counts: &CountCollection,
    batch: &Batch<'_>,
) -> Result<(Decision, u64), StorageError> {
    let layout = BatchLayout::new(batch.hits());
    let clients = 0..layout.clients.len();
    // Waits for all, even if one fails: a dropped command may still be executed.
    let replies = join_all(clients.map(|client| decide_part(counts, batch, &layout, client))).await;
    let mut failure = None;
    let replies = replies.into_iter().enumerate().map(|(client, reply)| {
        reply.or_else(|error| {
            failure.get_or_insert(error);
            DocumentReply::unknown(&layout, client)
        })
    });
    let replies = replies.collect::<Result<Vec<_>, _>>()?;
    let evicted = replies.iter().map(|reply| reply.evicted).sum();
    let replay = Replay::new(batch, &layout, replies);
    let failure = failure.or_else(|| (!replay.agrees()).then(error::unexpected_reply));
    if let Some(failure) = failure {
        // What a failed document has taken is unknown. The others give theirs back, as far as they answer.
        let _ = run_steps(counts, &layout, &replay.undo_admitted()).await;
        return Err(failure);
    }
    if layout.clients.len() > 1 {
        run_steps(counts, &layout, &replay.steps()).await?;
    }
    Ok((replay.into_decision(), evicted))
}

/// Decides the part of a batch that is in one document.
async fn decide_part(
    counts: &CountCollection,
    batch: &Batch<'_>,
    layout: &BatchLayout<'_>,
    client: usize,
) -> Result<DocumentReply, StorageError> {
    let decision = DecisionPipeline { batch, layout, client, clock: counts.clock };
    if decision.is_empty() {
        return DocumentReply::unknown(layout, client);
    }
    let mark = ObjectId::new();
    let command = UpdateCommand {
        id: counts.id(&layout.clients[client]),
        pipeline: decision.stages(mark),
        upsert: decision.can_take(),
    };
    let reported = batch.guards.len() + batch.limits.len();
    let fields = command::projection(layout, client, reported, counts.clock);
    let document = command.find_and_update(&counts.collection, fields).await.map_err(error::storage)?;
    DocumentReply::parse(document.as_ref(), layout, client, mark)
}

/// Runs steps on all their documents at once.
pub(super) async fn run_steps(
    counts: &CountCollection,
    layout: &BatchLayout<'_>,
    steps: &[(usize, Step<'_>)],
) -> Result<(), StorageError> {
    let pipelines =
        (0..layout.clients.len()).map(|client| StepPipeline { layout, client, steps, clock: counts.clock });
    let update = |steps: StepPipeline<'_>| {
        let command = UpdateCommand {
            id: counts.id(&layout.clients[steps.client]),
            pipeline: steps.stages(),
            upsert: steps.can_take(),
        };
        command.update(&counts.collection)
    };
    let updates = pipelines.filter(|steps| !steps.is_empty()).map(update);
    // Waits for all, even if one fails.
    join_all(updates).await.into_iter().collect::<Result<(), _>>().map_err(error::storage)
}
