use mongodb::bson::{Bson, Document};

use super::{
    Clock,
    decide::hit_if_it_passes,
    finish::{self, Outcome},
    rules::{self, amount},
    set, stored,
    token_bucket::NANOS,
};
use crate::storage::{
    Hit, Refund,
    mongodb::{
        expression::{any, at, choose, differs},
        layout::{Count, Layout},
    },
};

/// Something that is done to one count without a question.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage::mongodb) enum Step<'a> {
    /// Returns what was taken.
    Refund(Refund<'a>),
    /// Moves the end of an elastic window back, if it is still the one it was moved to; in milliseconds.
    Restore { end: u64, before: u64 },
    /// Lets a limit refuse.
    Refuse,
    /// Takes if it passes, and else is refused.
    Hit(Hit<'a>),
}

impl Step<'_> {
    /// Whether it undoes something, which changes what is stored and leaves no trace of its time.
    fn undoes(&self) -> bool {
        matches!(self, Self::Refund(_) | Self::Restore { .. })
    }
}

/// Does some steps on the counts of one document.
pub(in crate::storage::mongodb) struct Settle<'a> {
    pub(in crate::storage::mongodb) layout: &'a Layout<'a>,
    /// The place of the document.
    pub(in crate::storage::mongodb) client: usize,
    /// With the place of the count; those that undo something first.
    pub(in crate::storage::mongodb) steps: &'a [(usize, Step<'a>)],
}

impl<'a> Settle<'a> {
    /// Whether there is anything to do.
    pub(in crate::storage::mongodb) fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// Whether the document must be made when it is not there.
    pub(in crate::storage::mongodb) fn takes(&self) -> bool {
        self.steps().any(|(_, step)| !step.undoes())
    }

    pub(in crate::storage::mongodb) fn pipeline(&self, clock: Clock) -> Vec<Document> {
        let counts: Vec<_> = self
            .layout
            .of(self.client)
            .filter(|(place, _)| self.steps().any(|(other, _)| other == *place))
            .collect();
        let mut pipeline = vec![clock.begin()];
        pipeline.extend(set(counts.iter().map(|(place, count)| (format!("r{place}"), at(&stored(count))))));
        for (place, step) in self.steps().filter(|(_, step)| step.undoes()) {
            let state = format!("r{place}");
            pipeline.extend(set([(state.clone(), self.done(place, step, &state))]));
        }
        pipeline.extend(set(counts
            .iter()
            .map(|(place, count)| (format!("s{place}"), rules::load(count.policy, &format!("r{place}"))))));
        pipeline.extend(set(counts.iter().map(|(place, _)| (format!("f{place}"), at(&format!("s{place}"))))));
        for (place, step) in self.steps().filter(|(_, step)| !step.undoes()) {
            let state = format!("f{place}");
            pipeline.extend(set([(state.clone(), self.done(place, step, &state))]));
        }
        let outcomes = counts.iter().map(|(place, count)| outcome(*place, count));
        pipeline.extend(finish::stages(outcomes, None));
        pipeline
    }

    fn steps(&self) -> impl Iterator<Item = (usize, Step<'a>)> {
        let is_here = |place: usize| self.layout.counts[place].client == self.client;
        self.steps.iter().copied().filter(move |(place, _)| is_here(*place))
    }

    fn done(&self, place: usize, step: Step<'_>, state: &str) -> Bson {
        let policy = self.layout.counts[place].policy;
        match step {
            Step::Refund(Refund { hit, stamp }) => {
                rules::refund(policy, state, amount(policy, hit.cost), stamp / NANOS)
            }
            Step::Restore { end, before } => rules::restore(state, end, before),
            Step::Refuse => rules::refuse(policy, state),
            Step::Hit(hit) => hit_if_it_passes(&hit, state),
        }
    }
}

/// What was taken or refused stands in `f`, what was only undone in `r`, as it was stored.
fn outcome<'a>(place: usize, count: &'a Count<'a>) -> Outcome<'a> {
    let [undone, before, after] = ["r", "s", "f"].map(|field| at(&format!("{field}{place}")));
    let has_taken = differs(before, after.clone());
    let was_undone = differs(undone.clone(), at(&stored(count)));
    Outcome {
        count,
        is_changed: any([has_taken.clone(), was_undone]),
        value: choose(has_taken, after, undone),
    }
}
