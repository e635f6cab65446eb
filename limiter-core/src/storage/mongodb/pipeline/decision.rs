use mongodb::bson::{Bson, Document, doc, oid::ObjectId};

use super::{
    ClockSource,
    fields::fields,
    finish::{self, CountUpdate},
    set, stored,
    strategies::{self, amount},
};
use crate::{
    Strategy,
    storage::{
        Batch, Hit,
        mongodb::{
            expression::{add, and, cond, eq, field, lt, lte, ne, not, number, or},
            layout::{BatchLayout, StoredCount},
        },
    },
};

/// The codes of verdicts in reports.
pub(in crate::storage::mongodb) const ADMITTED: u64 = 0;
pub(in crate::storage::mongodb) const REFUSED: u64 = 1;
pub(in crate::storage::mongodb) const REFUSED_BY_GUARD: u64 = 2;

/// The pipeline that decides a batch on one document, or the part of it that is there.
pub(in crate::storage::mongodb) struct DecisionPipeline<'a> {
    pub(in crate::storage::mongodb) batch: &'a Batch<'a>,
    pub(in crate::storage::mongodb) layout: &'a BatchLayout<'a>,
    /// The index of the document's client.
    pub(in crate::storage::mongodb) client: usize,
    pub(in crate::storage::mongodb) clock: ClockSource,
}

impl<'a> DecisionPipeline<'a> {
    /// Returns the stages of the pipeline. Field `s` of a count is its state now, `p` of a hit whether it passes, and `f`
    /// of a count the state after the decision.
    ///
    /// A part of a batch applies only its admission: the effects of a refusal depend on the other parts. `mark` identifies
    /// the report of this decision.
    pub(in crate::storage::mongodb) fn stages(&self, mark: ObjectId) -> Vec<Document> {
        let mut stages = vec![self.clock.begin()];
        stages.extend(set(self
            .counts()
            .map(|(place, count)| (format!("s{place}"), strategies::load(count.policy, &stored(count))))));
        stages.extend(self.tests());
        stages.extend(set([("verdict".to_owned(), self.verdict())]));
        stages.extend(set(self.counts().map(|(place, _)| (format!("f{place}"), self.after(place)))));
        if self.is_whole() {
            stages.extend(self.on_refusal());
        }
        let updates = self.counts().map(|(place, count)| {
            let [before, after] = [field(&format!("s{place}")), field(&format!("f{place}"))];
            CountUpdate { count, is_changed: ne(before, after.clone()), value: after }
        });
        stages.extend(finish::stages(updates, Some(self.report(mark))));
        stages
    }

    /// Returns whether the document has no guards and limits to decide.
    pub(in crate::storage::mongodb) fn is_empty(&self) -> bool {
        !self.is_whole() && self.guards().next().is_none() && self.limits().next().is_none()
    }

    /// Returns whether the decision can take something, so that a missing document must be created.
    pub(in crate::storage::mongodb) fn can_take(&self) -> bool {
        let can_take = |hit: &Hit<'_>| !hit.policy.ignores(hit.cost);
        self.limits().any(|(_, hit)| can_take(hit))
            || self.is_whole() && self.batch.on_refusal.iter().any(can_take)
    }

    /// Returns whether this document decides the whole batch.
    fn is_whole(&self) -> bool {
        self.layout.clients.len() == 1
    }

    fn counts(&self) -> impl Iterator<Item = (usize, &'a StoredCount<'a>)> {
        self.layout.of(self.client)
    }

    /// Returns those of `hits` that are in this document, with their places in the batch. The place of the first of `hits`
    /// is `first`.
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

    /// Returns the stages that test the guards and limits.
    fn tests(&self) -> Vec<Document> {
        let mut stages = Vec::new();
        let mut tests = self.guards().chain(self.limits()).map(|(place, hit)| {
            let count = self.layout.places[place];
            let passes = strategies::passes(hit.policy, &format!("s{count}"), self.cost_so_far(place));
            (place, (format!("p{place}"), passes))
        });
        // A test that depends on an earlier hit in shadow needs a later stage.
        let mut stage: Vec<(usize, (String, Bson))> = Vec::new();
        for (place, test) in tests.by_ref() {
            if stage.iter().any(|(earlier, _)| self.depends_on(place, *earlier)) {
                stages.extend(set(stage.drain(..).map(|(_, test)| test)));
            }
            stage.push((place, test));
        }
        stages.extend(set(stage.into_iter().map(|(_, test)| test)));
        stages
    }

    /// Returns the earlier guards or limits with the same count as this one.
    fn earlier(&self, place: usize) -> impl Iterator<Item = (usize, &Hit<'a>)> {
        let guards = self.batch.guards.len();
        let hits = if place < guards { (self.batch.guards, 0) } else { (self.batch.limits, guards) };
        let count = self.layout.places[place];
        self.here(hits.0, hits.1)
            .filter(move |(other, _)| *other < place && self.layout.places[*other] == count)
    }

    fn depends_on(&self, place: usize, earlier: usize) -> bool {
        self.earlier(place).any(|(other, hit)| other == earlier && hit.shadow)
    }

    fn hit(&self, place: usize) -> &Hit<'a> {
        let guards = self.batch.guards.len();
        if place < guards { &self.batch.guards[place] } else { &self.batch.limits[place - guards] }
    }

    /// Returns the cost of a hit plus the costs that earlier ones will have taken. A refusal in shadow takes nothing.
    fn cost_so_far(&self, place: usize) -> Bson {
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
            and(strict.map(|(place, _)| field(&format!("p{place}"))))
        };
        let limits = cond(pass(self.limits().collect()), number(ADMITTED), number(REFUSED));
        cond(pass(self.guards().collect()), limits, number(REFUSED_BY_GUARD))
    }

    /// Returns the state of a count after the limits are consumed or refused.
    fn after(&self, count: usize) -> Bson {
        let before = field(&format!("s{count}"));
        let refused = if self.is_whole() { self.refused(count) } else { None };
        let otherwise = match refused {
            Some(refused) => cond(is_verdict(REFUSED), refused, before.clone()),
            None => before.clone(),
        };
        match self.consumed(count) {
            Some(consumed) => cond(is_verdict(ADMITTED), consumed, otherwise),
            None => otherwise,
        }
    }

    /// Returns the limits that can take something from a count.
    fn takers(&self, count: usize) -> impl Iterator<Item = (usize, &Hit<'a>)> {
        let takes = move |(place, hit): &(usize, &Hit<'_>)| {
            self.layout.places[*place] == count && !hit.policy.ignores(hit.cost)
        };
        self.limits().filter(takes)
    }

    /// Returns the state of a count after the limits are consumed. All their costs are taken at once: each has passed a
    /// test with the costs of the earlier ones. A refusal in shadow also moves the end of an elastic window.
    fn consumed(&self, count: usize) -> Option<Bson> {
        let policy = self.layout.counts[count].policy;
        let state = format!("s{count}");
        let mut amounts = self.takers(count).map(|(place, hit)| {
            // By its own policy: other hits on the count may have other amounts.
            let taken = number(amount(hit.policy, hit.cost));
            let is_charge = hit.policy.is_charging();
            let taken = if is_charge { strategies::charged(hit.policy, &state, taken) } else { taken };
            if hit.shadow { if_passes(place, taken, number(0)) } else { taken }
        });
        let first = amounts.next()?;
        let sum = amounts.fold(first, add);
        // Nothing may be left for a charge.
        let is_sure = self.takers(count).any(|(_, hit)| !hit.shadow && !hit.policy.is_charging());
        let taken = strategies::take(policy, &state, sum.clone(), self.clock);
        if is_sure || policy.strategy() == Strategy::FixedWindowElasticExpiry {
            return Some(taken);
        }
        Some(cond(lt(number(0), sum), taken, field(&state)))
    }

    /// Returns the state of a count after a refusal, which moves the end of an elastic window.
    fn refused(&self, count: usize) -> Option<Bson> {
        let policy = self.layout.counts[count].policy;
        if policy.strategy() != Strategy::FixedWindowElasticExpiry {
            return None;
        }
        let refuses = |(place, hit): (usize, &Hit<'_>)| {
            let is_here = self.layout.places[place] == count && !hit.shadow && hit.cost > 0;
            let max = number(amount(hit.policy, hit.policy.capacity()));
            is_here.then(|| and([not(field(&format!("p{place}"))), lte(self.cost_so_far(place), max)]))
        };
        let state = format!("s{count}");
        let after = strategies::refuse(policy, &state);
        Some(cond(or(self.limits().filter_map(refuses)), after, field(&state)))
    }

    /// Returns a stage for each hit on refusal, since each depends on those before it.
    fn on_refusal(&self) -> impl Iterator<Item = Document> {
        let first = self.batch.guards.len() + self.batch.limits.len();
        let can_take = |(_, hit): &(usize, &Hit<'_>)| !hit.policy.ignores(hit.cost);
        let hits = self.here(self.batch.on_refusal, first).filter(can_take);
        hits.filter_map(move |(place, hit)| {
            let count = self.layout.places[place];
            let state = format!("f{count}");
            let has_refused = match hit.only_after {
                None => is_verdict(REFUSED),
                Some(limit) => {
                    self.batch.limits.get(limit).filter(|limit| !limit.shadow)?;
                    and([is_verdict(REFUSED), not(field(&format!("p{}", self.batch.guards.len() + limit)))])
                }
            };
            let after = strategies::hit(hit.policy, &state, hit.cost, self.clock);
            Some(doc! { "$set": { state.clone(): cond(has_refused, after, field(&state)) } })
        })
    }

    /// Returns the report: the verdict, and the states before the decision. Of a log it has only the sum, from which the
    /// reader derives the new hits.
    fn report(&self, mark: ObjectId) -> Document {
        let first_on_refusal = self.batch.guards.len() + self.batch.limits.len();
        let reported = &self.layout.places[..first_on_refusal];
        let before: Document = (self.counts().filter(|(place, _)| reported.contains(place)))
            .map(|(place, count)| {
                let state = format!("s{place}");
                let is_log = count.policy.strategy() == Strategy::MovingWindow;
                let before = if is_log { sum_only(&state) } else { field(&state) };
                (place.to_string(), before)
            })
            .collect();
        let before = if before.is_empty() {
            doc! { "$literal": {} }
        } else {
            before
        };
        doc! { "q": mark, "v": field("verdict"), "b": before }
    }
}

fn if_passes(place: usize, then: Bson, otherwise: Bson) -> Bson {
    cond(field(&format!("p{place}")), then, otherwise)
}

fn sum_only(state: &str) -> Bson {
    let [newest, used] = fields(state, ["n", "u"]);
    doc! { "n": newest, "u": used }.into()
}

fn is_verdict(verdict: u64) -> Bson {
    eq(field("verdict"), number(verdict))
}
