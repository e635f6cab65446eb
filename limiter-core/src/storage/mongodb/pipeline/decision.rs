use mongodb::bson::{Bson, Document, doc, oid::ObjectId};

use super::{
    Clock,
    finish::{self, Outcome},
    rules::{self, amount, can_matter},
    set, stored,
};
use crate::{
    Strategy,
    storage::{
        Batch, Hit,
        mongodb::{
            expression::{add, all, any, at, at_most, choose, differs, equal, less, not, number},
            layout::{Count, Layout},
        },
    },
};

pub(in crate::storage::mongodb) const ADMITTED: u64 = 0;
pub(in crate::storage::mongodb) const REFUSED: u64 = 1;
pub(in crate::storage::mongodb) const GUARDED: u64 = 2;

/// Decides a batch on one document: all of it, or the part that stands there.
pub(in crate::storage::mongodb) struct Decide<'a> {
    pub(in crate::storage::mongodb) batch: &'a Batch<'a>,
    pub(in crate::storage::mongodb) layout: &'a Layout<'a>,
    /// The place of the document.
    pub(in crate::storage::mongodb) client: usize,
}

impl<'a> Decide<'a> {
    /// The whole pipeline. Of a part, only what happens when all of it passes: what a refusal changes must wait
    /// until the other parts are known.
    ///
    /// The report says by `mark` that it is of this decision.
    pub(in crate::storage::mongodb) fn pipeline(&self, clock: Clock, mark: ObjectId) -> Vec<Document> {
        let is_whole = self.layout.clients.len() == 1;
        let mut pipeline = vec![clock.begin()];
        pipeline.extend(set(self
            .counts()
            .map(|(place, count)| (format!("s{place}"), rules::load(count.policy, &stored(count))))));
        pipeline.extend(self.tests());
        pipeline.extend(set([("verdict".to_owned(), self.verdict())]));
        pipeline.extend(set(self
            .counts()
            .map(|(place, _)| (format!("f{place}"), self.outcome(place, is_whole)))));
        if is_whole {
            pipeline.extend(self.on_refusal());
        }
        let outcomes = self.counts().map(|(place, count)| {
            let [before, after] = [at(&format!("s{place}")), at(&format!("f{place}"))];
            Outcome { count, is_changed: differs(before, after.clone()), value: after }
        });
        pipeline.extend(finish::stages(outcomes, Some(self.report(mark))));
        pipeline
    }

    /// Whether nothing is asked of this document before the others are known.
    pub(in crate::storage::mongodb) fn is_empty(&self) -> bool {
        let is_whole = self.layout.clients.len() == 1;
        !is_whole && self.guards().next().is_none() && self.limits().next().is_none()
    }

    /// Whether the decision can change anything, so that the document must be made when it is not there.
    pub(in crate::storage::mongodb) fn takes(&self) -> bool {
        let is_whole = self.layout.clients.len() == 1;
        let mut limits = self.limits().map(|(_, hit)| hit);
        limits.any(|hit| can_matter(hit.policy, hit.cost))
            || is_whole && self.batch.on_refusal.iter().any(|hit| can_matter(hit.policy, hit.cost))
    }

    fn counts(&self) -> impl Iterator<Item = (usize, &'a Count<'a>)> {
        self.layout.of(self.client)
    }

    /// The hits of a part of the batch whose first stands at `first`, with their places in the batch, as far as
    /// they are in this document.
    fn here<'b>(&'b self, hits: &'b [Hit<'a>], first: usize) -> impl Iterator<Item = (usize, &'b Hit<'a>)> {
        let is_here = |place: usize| self.layout.count(place).client == self.client;
        hits.iter()
            .enumerate()
            .map(move |(index, hit)| (first + index, hit))
            .filter(move |(place, _)| is_here(*place))
    }

    fn guards(&self) -> impl Iterator<Item = (usize, &Hit<'a>)> {
        self.here(self.batch.guards, 0)
    }

    fn limits(&self) -> impl Iterator<Item = (usize, &Hit<'a>)> {
        self.here(self.batch.limits, self.batch.guards.len())
    }

    /// Whether each guard and limit passes, as fields `p` and its place.
    fn tests(&self) -> Vec<Document> {
        let mut stages = Vec::new();
        let mut tests = self.guards().chain(self.limits()).map(|(place, hit)| {
            let (count, state) = (self.layout.places[place], hit.policy);
            let passes = rules::passes(state, &format!("s{count}"), self.sum(place));
            (place, (format!("p{place}"), passes))
        });
        // What waits for the outcome of an earlier hit in shadow stands in a later stage.
        let mut stage: Vec<(usize, (String, Bson))> = Vec::new();
        for (place, test) in tests.by_ref() {
            if stage.iter().any(|(earlier, _)| self.waits_for(place, *earlier)) {
                stages.extend(set(stage.drain(..).map(|(_, test)| test)));
            }
            stage.push((place, test));
        }
        stages.extend(set(stage.into_iter().map(|(_, test)| test)));
        stages
    }

    /// The hits before this one that are tested with it, and have the same count.
    fn earlier(&self, place: usize) -> impl Iterator<Item = (usize, &Hit<'a>)> {
        let guards = self.batch.guards.len();
        let hits = if place < guards { (self.batch.guards, 0) } else { (self.batch.limits, guards) };
        let count = self.layout.places[place];
        self.here(hits.0, hits.1)
            .filter(move |(other, _)| *other < place && self.layout.places[*other] == count)
    }

    fn waits_for(&self, place: usize, earlier: usize) -> bool {
        self.earlier(place).any(|(other, hit)| other == earlier && hit.shadow)
    }

    fn hit(&self, place: usize) -> &Hit<'a> {
        let guards = self.batch.guards.len();
        if place < guards { &self.batch.guards[place] } else { &self.batch.limits[place - guards] }
    }

    /// The cost of a hit and of what earlier ones will have taken; what refuses in shadow takes nothing.
    fn sum(&self, place: usize) -> Bson {
        let policy = self.hit(place).policy;
        let sure = self.earlier(place).filter(|(_, hit)| !hit.shadow).map(|(_, hit)| hit.cost);
        let sure = sure.fold(self.hit(place).cost, u64::saturating_add);
        let in_shadow = self.earlier(place).filter(|(_, hit)| hit.shadow);
        in_shadow.fold(number(amount(policy, sure)), |sum, (other, hit)| {
            add(sum, if_passes(other, number(amount(policy, hit.cost)), number(0)))
        })
    }

    fn verdict(&self) -> Bson {
        let pass = |hits: Vec<(usize, &Hit<'_>)>| {
            let strict = hits.into_iter().filter(|(_, hit)| !hit.shadow);
            all(strict.map(|(place, _)| at(&format!("p{place}"))))
        };
        let limits = choose(pass(self.limits().collect()), number(ADMITTED), number(REFUSED));
        choose(pass(self.guards().collect()), limits, number(GUARDED))
    }

    /// The state of a count after the limits were consumed or refused.
    fn outcome(&self, count: usize, is_whole: bool) -> Bson {
        let before = at(&format!("s{count}"));
        let refused = if is_whole { self.refused(count) } else { None };
        let otherwise = match refused {
            Some(refused) => choose(is_verdict(REFUSED), refused, before.clone()),
            None => before.clone(),
        };
        match self.consumed(count) {
            Some(consumed) => choose(is_verdict(ADMITTED), consumed, otherwise),
            None => otherwise,
        }
    }

    /// The limits that can take something from a count.
    fn takers(&self, count: usize) -> impl Iterator<Item = (usize, &Hit<'a>)> {
        let takes = move |(place, hit): &(usize, &Hit<'_>)| {
            self.layout.places[*place] == count && can_matter(hit.policy, hit.cost)
        };
        self.limits().filter(takes)
    }

    /// What passed with all that earlier hits take passes when they have taken it, so that all can be taken as
    /// one. What refuses in shadow moves an elastic end all the same.
    fn consumed(&self, count: usize) -> Option<Bson> {
        let policy = self.layout.counts[count].policy;
        let state = format!("s{count}");
        let mut amounts = self.takers(count).map(|(place, hit)| {
            let taken = number(amount(policy, hit.cost));
            if hit.shadow { if_passes(place, taken, number(0)) } else { taken }
        });
        let first = amounts.next()?;
        let sum = amounts.fold(first, add);
        let is_sure = self.takers(count).any(|(_, hit)| !hit.shadow);
        let taken = rules::take(policy, &state, sum.clone());
        if is_sure || policy.strategy() == Strategy::FixedWindowElasticExpiry {
            return Some(taken);
        }
        Some(choose(less(number(0), sum), taken, at(&state)))
    }

    /// A refusal moves an elastic end.
    fn refused(&self, count: usize) -> Option<Bson> {
        let policy = self.layout.counts[count].policy;
        if policy.strategy() != Strategy::FixedWindowElasticExpiry {
            return None;
        }
        let most = number(amount(policy, policy.capacity()));
        let refuses = |(place, hit): (usize, &Hit<'_>)| {
            let is_here = self.layout.places[place] == count && !hit.shadow && hit.cost > 0;
            is_here.then(|| all([not(at(&format!("p{place}"))), at_most(self.sum(place), most.clone())]))
        };
        let state = format!("s{count}");
        Some(choose(any(self.limits().filter_map(refuses)), rules::refuse(policy, &state), at(&state)))
    }

    /// One stage for each hit on refusal, since each sees what those before it have done.
    fn on_refusal(&self) -> impl Iterator<Item = Document> {
        let first = self.batch.guards.len() + self.batch.limits.len();
        let can_matter = |(_, hit): &(usize, &Hit<'_>)| can_matter(hit.policy, hit.cost);
        let hits = self.here(self.batch.on_refusal, first).filter(can_matter);
        hits.filter_map(move |(place, hit)| {
            let count = self.layout.places[place];
            let state = format!("f{count}");
            let has_refused = match hit.only_after {
                None => is_verdict(REFUSED),
                Some(limit) => {
                    self.batch.limits.get(limit).filter(|limit| !limit.shadow)?;
                    all([is_verdict(REFUSED), not(at(&format!("p{}", self.batch.guards.len() + limit)))])
                }
            };
            Some(doc! { "$set": { state.clone(): choose(has_refused, hit_if_it_passes(hit, &state), at(&state)) } })
        })
    }

    /// What the decision was, and what it was based on. Of a log only the sum: the hits that are new are found
    /// by it.
    fn report(&self, mark: ObjectId) -> Document {
        let first_on_refusal = self.batch.guards.len() + self.batch.limits.len();
        let reported = &self.layout.places[..first_on_refusal];
        let before: Document = (self.counts().filter(|(place, _)| reported.contains(place)))
            .map(|(place, count)| {
                let state = format!("s{place}");
                let is_log = count.policy.strategy() == Strategy::MovingWindow;
                let before = if is_log { sum_only(&state) } else { at(&state) };
                (place.to_string(), before)
            })
            .collect();
        let before = if before.is_empty() {
            doc! { "$literal": {} }
        } else {
            before
        };
        doc! { "q": mark, "v": at("verdict"), "b": before }
    }
}

fn if_passes(place: usize, then: Bson, otherwise: Bson) -> Bson {
    choose(at(&format!("p{place}")), then, otherwise)
}

fn sum_only(state: &str) -> Bson {
    let [newest, used] = rules::fields(state, ["n", "u"]);
    doc! { "n": newest, "u": used }.into()
}

/// The state after a hit that takes if it passes, and else is refused.
pub(super) fn hit_if_it_passes(hit: &Hit<'_>, state: &str) -> Bson {
    let cost = number(amount(hit.policy, hit.cost));
    choose(
        rules::passes(hit.policy, state, cost.clone()),
        rules::take(hit.policy, state, cost),
        rules::refuse(hit.policy, state),
    )
}

fn is_verdict(verdict: u64) -> Bson {
    equal(at("verdict"), number(verdict))
}
