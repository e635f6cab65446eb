use mongodb::bson::{Bson, Document};

use super::{
    ClockSource,
    fields::NANOS,
    finish::{self, CountUpdate},
    set, stored,
    strategies::{self, amount},
};
use crate::storage::{
    Hit, Refund,
    mongodb::{
        expression::{cond, field, ne, or},
        layout::{BatchLayout, StoredCount},
    },
};

/// A change of one count that needs no report.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage::mongodb) enum Step<'a> {
    /// Refunds a hit.
    Refund(Refund<'a>),
    /// Moves the end of an elastic window back from `end` to `before`, in milliseconds, unless it has moved since.
    Restore { end: u64, before: u64 },
    /// Applies a refusal by a limit.
    Refuse,
    /// Hits the count, which takes the cost if it passes.
    Hit(Hit<'a>),
}

impl Step<'_> {
    /// Returns whether the step undoes another. It then changes the stored state and not the newest time.
    fn undoes(&self) -> bool {
        matches!(self, Self::Refund(_) | Self::Restore { .. })
    }
}

/// The pipeline that runs steps on the counts of one document.
pub(in crate::storage::mongodb) struct StepPipeline<'a> {
    pub(in crate::storage::mongodb) layout: &'a BatchLayout<'a>,
    /// The index of the document's client.
    pub(in crate::storage::mongodb) client: usize,
    /// The steps of all documents, with the indices of their counts. Steps that undo others come first.
    pub(in crate::storage::mongodb) steps: &'a [(usize, Step<'a>)],
    pub(in crate::storage::mongodb) clock: ClockSource,
}

impl<'a> StepPipeline<'a> {
    /// Returns whether the document has no steps.
    pub(in crate::storage::mongodb) fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// Returns whether the steps can take something, so that a missing document must be created.
    pub(in crate::storage::mongodb) fn can_take(&self) -> bool {
        self.steps().any(|(_, step)| !step.undoes())
    }

    /// Returns the stages of the pipeline. Field `r` of a count is its stored state after undoing, `s` that state as of
    /// now, and `f` the state after all steps.
    pub(in crate::storage::mongodb) fn stages(&self) -> Vec<Document> {
        let counts: Vec<_> = self
            .layout
            .of(self.client)
            .filter(|(place, _)| self.steps().any(|(other, _)| other == *place))
            .collect();
        let mut stages = vec![self.clock.begin()];
        stages.extend(set(counts.iter().map(|(place, count)| (format!("r{place}"), field(&stored(count))))));
        stages.extend(self.step_stages("r", Step::undoes));
        stages.extend(set(counts.iter().map(|(place, count)| {
            (format!("s{place}"), strategies::load(count.policy, &format!("r{place}")))
        })));
        stages
            .extend(set(counts.iter().map(|(place, _)| (format!("f{place}"), field(&format!("s{place}"))))));
        stages.extend(self.step_stages("f", |step| !step.undoes()));
        let updates = counts.iter().map(|(place, count)| count_update(*place, count));
        stages.extend(finish::stages(updates, None));
        stages
    }

    fn steps(&self) -> impl Iterator<Item = (usize, Step<'a>)> {
        let is_here = |place: usize| self.layout.counts[place].client == self.client;
        self.steps.iter().copied().filter(move |(place, _)| is_here(*place))
    }

    /// Returns a stage for each of some steps, since each depends on those before it.
    fn step_stages(
        &self,
        prefix: &str,
        is_chosen: impl Fn(&Step<'a>) -> bool,
    ) -> impl Iterator<Item = Document> {
        self.steps().filter(move |(_, step)| is_chosen(step)).filter_map(move |(place, step)| {
            let state = format!("{prefix}{place}");
            let after = self.after(place, step, &state);
            set([(state, after)])
        })
    }

    /// Returns a state after a step.
    fn after(&self, place: usize, step: Step<'_>, state: &str) -> Bson {
        let policy = self.layout.counts[place].policy;
        match step {
            Step::Refund(Refund { hit, stamp }) => {
                strategies::refund(policy, state, amount(hit.policy, hit.cost), stamp / NANOS)
            }
            Step::Restore { end, before } => strategies::restore(state, end, before),
            Step::Refuse => strategies::refuse(policy, state),
            Step::Hit(hit) => strategies::hit(policy, state, hit.cost, self.clock),
        }
    }
}

/// Stores `f` if a step has taken or refused something. Otherwise stores `r`, which keeps the stored form.
fn count_update<'a>(place: usize, count: &'a StoredCount<'a>) -> CountUpdate<'a> {
    let [undone, before, after] = ["r", "s", "f"].map(|state| field(&format!("{state}{place}")));
    let has_taken = ne(before, after.clone());
    let was_undone = ne(undone.clone(), field(&stored(count)));
    CountUpdate {
        count,
        is_changed: or([has_taken.clone(), was_undone]),
        value: cond(has_taken, after, undone),
    }
}
