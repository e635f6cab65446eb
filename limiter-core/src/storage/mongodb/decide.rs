//! How a batch is decided: on one document at once, or on several side by side.

use futures_util::future::join_all;
use mongodb::{
    Collection,
    bson::{Document, doc, oid::ObjectId},
};

use super::{
    error,
    layout::Layout,
    pipeline::{Clock, Decide, Settle, Step},
    question::{self, Question},
    replay::Replay,
    reply::{self, Seen},
};
use crate::{
    Key, Policy, Scope,
    storage::{Batch, Decision, Hit, StorageError},
};

/// The counts, as the commands of one call see them.
#[derive(Clone)]
pub(super) struct Counts {
    pub(super) collection: Collection<Document>,
    /// What the names of all documents begin with.
    pub(super) prefix: Box<str>,
    pub(super) clock: Clock,
}

/// A decision, and how many live counts have made way for it.
pub(super) type Decided = (Decision, u64);

impl Counts {
    /// Decides a batch. All its documents are asked at once; each takes its part of the batch when all of the part
    /// passes. When another does not, what was taken is given back: until then, a request that comes in between
    /// may be refused for it, but never is more admitted.
    pub(super) async fn decide(&self, batch: &Batch<'_>) -> Result<Decided, StorageError> {
        let layout = Layout::new(batch.hits());
        let clients = 0..layout.clients.len();
        // To the end of all: what is dropped on its way may be taken all the same.
        let seen = join_all(clients.map(|client| self.ask(batch, &layout, client))).await;
        let seen = seen.into_iter().collect::<Result<Vec<_>, _>>()?;
        let evicted = seen.iter().map(|seen| seen.evicted).sum();
        let is_whole = seen.len() < 2;
        let replay = Replay::new(batch, &layout, seen)?;
        if !is_whole {
            self.settle(&layout, &replay.steps()).await?;
        }
        Ok((replay.decision(), evicted))
    }

    async fn ask(&self, batch: &Batch<'_>, layout: &Layout<'_>, client: usize) -> Result<Seen, StorageError> {
        let (decide, mark) = (Decide { batch, layout, client }, ObjectId::new());
        if decide.is_empty() {
            return reply::read(None, layout, client, mark);
        }
        let question = Question {
            id: self.id(&layout.clients[client]),
            pipeline: decide.pipeline(self.clock, mark),
            creates: decide.takes(),
        };
        let fields = question::answer(layout, client, batch.guards.len() + batch.limits.len(), self.clock);
        let answer = question.ask(&self.collection, fields).await.map_err(error::storage)?;
        reply::read(answer.as_ref(), layout, client, mark)
    }

    /// Does some steps, on all documents at once.
    pub(super) async fn settle(
        &self,
        layout: &Layout<'_>,
        steps: &[(usize, Step<'_>)],
    ) -> Result<(), StorageError> {
        let clients = (0..layout.clients.len()).map(|client| Settle { layout, client, steps });
        let tell = |settle: Settle<'_>| {
            let question = Question {
                id: self.id(&layout.clients[settle.client]),
                pipeline: settle.pipeline(self.clock),
                creates: settle.takes(),
            };
            question.tell(&self.collection)
        };
        let told = clients.filter(|settle| !settle.is_empty()).map(tell);
        // To the end of all, whatever comes of one.
        join_all(told).await.into_iter().collect::<Result<(), _>>().map_err(error::storage)
    }

    /// Tells whether the server takes writes, by one to a document that no client has.
    pub(super) async fn probe(&self) -> Result<(), StorageError> {
        let question = Question {
            id: self.id("probe"),
            pipeline: vec![doc! { "$set": { "e": "$$NOW" } }],
            creates: true,
        };
        question.tell(&self.collection).await.map_err(error::storage)
    }

    /// The name of a client's document.
    pub(super) fn id(&self, client: &str) -> String {
        format!("{}{client}", self.prefix)
    }
}

/// A hit that borrows nothing, so that it can be decided on another thread.
pub(super) struct Owned {
    scope: Scope,
    key: Key,
    policy: Policy,
    cost: u64,
    shadow: bool,
    only_after: Option<usize>,
}

impl Owned {
    pub(super) fn all(hits: &[Hit<'_>]) -> Vec<Self> {
        let owned = |hit: &Hit<'_>| Self {
            scope: hit.scope.clone(),
            key: hit.key.clone(),
            policy: hit.policy.clone(),
            cost: hit.cost,
            shadow: hit.shadow,
            only_after: hit.only_after,
        };
        hits.iter().map(owned).collect()
    }

    pub(super) fn hit(&self) -> Hit<'_> {
        let hit = Hit::new(&self.scope, &self.key, &self.policy).cost(self.cost).shadow(self.shadow);
        Hit { only_after: self.only_after, ..hit }
    }
}
