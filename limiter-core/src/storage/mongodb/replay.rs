//! The decision of the server once more, by the functions that memory uses, for what it reports. The server
//! returns the counts that it started from; and whatever it has decided must come out here.

use super::{
    error,
    layout::Layout,
    pipeline::{ADMITTED, GUARDED, NANOS, REFUSED, Step},
    reply::{Before, Seen},
};
use crate::{
    Strategy, Window,
    storage::{Batch, Decision, Hit, Refund, StorageError, Verdict},
    strategy::State,
    window::NEVER,
};

/// A decision over one document or several.
pub(super) struct Replay<'a> {
    batch: &'a Batch<'a>,
    layout: &'a Layout<'a>,
    /// By the place of the count.
    counts: Vec<Before>,
    /// By the place of the document: what it has written.
    written: Vec<Option<u64>>,
    /// Of the guards, then of the limits.
    looks: Vec<Window>,
    /// Of the limits, where all of their document pass.
    taken: Vec<Option<Window>>,
}

impl<'a> Replay<'a> {
    /// # Errors
    ///
    /// When a document has decided something else.
    pub(super) fn new(
        batch: &'a Batch<'a>,
        layout: &'a Layout<'a>,
        seen: Vec<Seen>,
    ) -> Result<Self, StorageError> {
        let written = seen.iter().map(|seen| seen.written).collect();
        let mut counts: Vec<(usize, Before)> = seen.into_iter().flat_map(|seen| seen.states).collect();
        counts.sort_unstable_by_key(|(place, _)| *place);
        let counts = counts.into_iter().map(|(_, count)| count).collect();
        let mut replay = Self { batch, layout, counts, written, looks: Vec::new(), taken: Vec::new() };
        replay.look();
        replay.take();
        replay.agrees().then_some(replay).ok_or_else(error::not_understood)
    }

    /// The verdict over all documents.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict_of(|_| true)
    }

    /// What remains to be done when the documents were asked apart: to undo what was taken in some of them, and
    /// what a refusal changes. With the places of the counts.
    pub(super) fn steps(&self) -> Vec<(usize, Step<'a>)> {
        let mut steps = Vec::new();
        let verdict = self.verdict();
        if verdict == Verdict::Admitted {
            return steps;
        }
        for (index, hit) in self.batch.limits.iter().enumerate() {
            steps.extend(self.undo(index, hit).into_iter().flatten());
        }
        if verdict == Verdict::Refused {
            let refusing = (0..self.batch.limits.len()).filter(|index| self.moves_an_end(*index));
            steps.extend(refusing.map(|index| (self.limit_place(index), Step::Refuse)));
            steps.extend(self.on_refusal());
        }
        steps
    }

    /// What is reported.
    pub(super) fn decision(mut self) -> Decision {
        let verdict = self.verdict();
        let guards = self.batch.guards.len();
        for index in 0..self.batch.limits.len() {
            let window = match verdict {
                Verdict::Admitted => self.taken[index],
                Verdict::Refused if self.moves_an_end(index) => Some(self.refuse(index)),
                Verdict::Refused | Verdict::RefusedByGuard => None,
            };
            if let Some(window) = window {
                self.looks[guards + index] = window;
            }
        }
        let windows = self.looks.into_iter().map(whole_millis);
        Decision::from_windows(verdict, guards, windows.collect())
    }

    fn look(&mut self) {
        for (hits, first) in [(self.batch.guards, 0), (self.batch.limits, self.batch.guards.len())] {
            for (index, hit) in hits.iter().enumerate() {
                let place = first + index;
                let cost = self.cost_so_far(hits, index, first);
                let count = &self.counts[self.layout.places[place]];
                let window = count.state.test(hit.policy, cost, count.now);
                self.looks.push(window);
            }
        }
    }

    /// The cost of a hit and of what earlier ones will have taken: one count may stand twice in a batch.
    fn cost_so_far(&self, hits: &[Hit<'_>], index: usize, first: usize) -> u64 {
        let same_count =
            |earlier: &usize| self.layout.places[first + earlier] == self.layout.places[first + index];
        // What refuses in shadow takes nothing.
        let takes = |earlier: &usize| self.looks[first + earlier].is_allowed() || !hits[*earlier].shadow;
        (0..index)
            .filter(same_count)
            .filter(takes)
            .fold(hits[index].cost, |sum, earlier| sum.saturating_add(hits[earlier].cost))
    }

    fn take(&mut self) {
        let mut states: Vec<State> = self.counts.iter().map(|count| count.state.clone()).collect();
        for (index, hit) in self.batch.limits.iter().enumerate() {
            let place = self.batch.guards.len() + index;
            let passes = self.verdict_of_part(self.layout.count(place).client) == Verdict::Admitted;
            let count = self.layout.places[place];
            let (state, now) = (&mut states[count], self.counts[count].now);
            self.taken.push(passes.then(|| state.hit(hit.policy, hit.cost, now)));
        }
    }

    fn verdict_of_part(&self, client: usize) -> Verdict {
        self.verdict_of(|place| self.layout.count(place).client == client)
    }

    /// The verdict of some of the guards and limits.
    fn verdict_of(&self, is_asked: impl Fn(usize) -> bool) -> Verdict {
        let guards = self.batch.guards.len();
        let refuses = |hits: &[Hit<'_>], first: usize| {
            let hits = (first..).zip(hits);
            hits.filter(|(place, _)| is_asked(*place))
                .any(|(place, hit)| !hit.shadow && !self.looks[place].is_allowed())
        };
        if refuses(self.batch.guards, 0) {
            Verdict::RefusedByGuard
        } else if refuses(self.batch.limits, guards) {
            Verdict::Refused
        } else {
            Verdict::Admitted
        }
    }

    /// Whether each document has decided as it comes out here: what has passed has been written, and nothing else.
    fn agrees(&self) -> bool {
        (self.written.iter().enumerate()).all(|(client, written)| {
            let verdict = self.verdict_of_part(client);
            match written {
                Some(written) => *written == code(verdict),
                None => verdict != Verdict::Admitted || !self.takes_from(client),
            }
        })
    }

    fn takes_from(&self, client: usize) -> bool {
        self.batch.limits.iter().enumerate().any(|(index, hit)| {
            let is_here = self.layout.count(self.batch.guards.len() + index).client == client;
            is_here && hit.cost > 0 && self.taken[index].is_some_and(|window| window.is_allowed())
        })
    }

    /// Undoes a hit, if it was taken in its document, and the end that it has moved.
    fn undo(&self, index: usize, hit: &Hit<'a>) -> [Option<(usize, Step<'a>)>; 2] {
        let place = self.limit_place(index);
        let has_written = self.written[self.layout.counts[place].client].is_some();
        let Some(taken) = self.taken[index].filter(|_| has_written) else { return [None; 2] };
        let step = Refund::new(*hit, &taken);
        let refund = (taken.is_allowed() && hit.cost > 0).then_some((place, Step::Refund(step)));
        let Before { now, end: before, .. } = self.counts[place];
        let now = now.as_nanos() / NANOS;
        let moved = hit.policy.strategy() == Strategy::FixedWindowElasticExpiry && before > now;
        let end = now.saturating_add(hit.policy.window() / NANOS);
        [moved.then_some((place, Step::Restore { end, before })), refund]
    }

    fn on_refusal(&self) -> impl Iterator<Item = (usize, Step<'a>)> {
        let first = self.batch.guards.len() + self.batch.limits.len();
        let refused = |limit: usize| {
            let look = self.looks.get(self.batch.guards.len() + limit);
            limit < self.batch.limits.len()
                && !self.batch.limits[limit].shadow
                && look.is_some_and(|look| !look.is_allowed())
        };
        let can_matter = |hit: &Hit<'_>| (1..=hit.policy.capacity()).contains(&hit.cost);
        let hits = (first..).zip(self.batch.on_refusal);
        hits.filter(move |(_, hit)| can_matter(hit) && hit.only_after.is_none_or(refused))
            .map(|(place, hit)| (self.layout.places[place], Step::Hit(*hit)))
    }

    /// Whether a limit refuses in a way that moves the end of its window.
    fn moves_an_end(&self, index: usize) -> bool {
        let (hit, guards) = (&self.batch.limits[index], self.batch.guards.len());
        hit.policy.strategy() == Strategy::FixedWindowElasticExpiry
            && !hit.shadow
            && !self.looks[guards + index].is_allowed()
            && self.cost_so_far(self.batch.limits, index, guards) <= hit.policy.capacity()
    }

    /// With what was refused when it was tested; the hit's own cost alone might pass.
    fn refuse(&mut self, index: usize) -> Window {
        let guards = self.batch.guards.len();
        let cost = self.cost_so_far(self.batch.limits, index, guards);
        let place = self.limit_place(index);
        let count = &mut self.counts[place];
        count.state.hit(self.batch.limits[index].policy, cost, count.now)
    }

    /// The place of a limit's count.
    fn limit_place(&self, index: usize) -> usize {
        self.layout.places[self.batch.guards.len() + index]
    }
}

fn code(verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Admitted => ADMITTED,
        Verdict::Refused => REFUSED,
        Verdict::RefusedByGuard => GUARDED,
    }
}

/// The server's clock counts milliseconds: a wait must last until it has moved on.
fn whole_millis(mut window: Window) -> Window {
    let whole = |nanos: u64| if nanos == NEVER { NEVER } else { nanos.div_ceil(NANOS).saturating_mul(NANOS) };
    (window.reset, window.retry_after) = (whole(window.reset), whole(window.retry_after));
    window
}
