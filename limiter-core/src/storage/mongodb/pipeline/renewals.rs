use mongodb::bson::{Bson, Document, doc, oid::ObjectId};

use super::{
    ClockSource,
    fields::NANOS,
    finish::{self, CountUpdate},
    moving_window, set, stored, strategies,
};
use crate::storage::{
    Refund,
    mongodb::{
        expression::{array, cond, field, number, or},
        layout::BatchLayout,
    },
};

/// The pipeline that renews the leases of concurrent requests in one document. They are hits of logs, and each moves to
/// now.
pub(in crate::storage::mongodb) struct RenewalPipeline<'a> {
    pub(in crate::storage::mongodb) layout: &'a BatchLayout<'a>,
    /// The leases of this document, with the indices of their counts.
    pub(in crate::storage::mongodb) leases: &'a [(usize, Refund<'a>)],
    /// The index of the document's client.
    pub(in crate::storage::mongodb) client: usize,
    pub(in crate::storage::mongodb) clock: ClockSource,
}

impl RenewalPipeline<'_> {
    /// Returns the stages of the pipeline. Field `s` of a count is its state, `t` that without a lease, and `g` of a lease
    /// whether there is one. `mark` identifies the report, whose field `g` has for each lease its new instant, or 0.
    pub(in crate::storage::mongodb) fn stages(&self, mark: ObjectId) -> Vec<Document> {
        let counts: Vec<_> = self.layout.of(self.client).collect();
        let mut stages = vec![self.clock.begin()];
        stages.extend(set(counts
            .iter()
            .map(|(place, count)| (format!("s{place}"), strategies::load(count.policy, &stored(count))))));
        for (number, (place, lease)) in self.leases.iter().enumerate() {
            stages.extend(self.renew(number, *place, lease));
        }
        let updates = counts.iter().map(|(place, count)| {
            let here = self.leases.iter().enumerate().filter(|(_, (other, _))| other == place);
            let is_changed = or(here.map(|(number, _)| field(&format!("g{number}"))));
            CountUpdate { count, is_changed, value: field(&format!("s{place}")) }
        });
        let renewed = self.leases.iter().enumerate().map(|(lease, (place, _))| {
            cond(field(&format!("g{lease}")), field(&format!("s{place}.n")), number(0))
        });
        stages.extend(finish::stages(updates, Some(doc! { "q": mark, "g": array(renewed) })));
        stages
    }

    /// Returns the stages that renew one lease, since each depends on those before it.
    fn renew(&self, lease: usize, place: usize, refund: &Refund<'_>) -> impl Iterator<Item = Document> {
        let policy = self.layout.counts[place].policy;
        let [state, without, found] = [format!("s{place}"), format!("t{place}"), format!("g{lease}")];
        let (cost, stamp) = (refund.hit.cost, refund.stamp / NANOS);
        let renewed: Bson = moving_window::take(policy, &without, number(cost));
        let first = [
            (found.clone(), moving_window::has(&state, cost, stamp)),
            (without.clone(), moving_window::refund(&state, cost, stamp)),
        ];
        let second = [(state.clone(), cond(field(&found), renewed, field(&state)))];
        set(first).into_iter().chain(set(second))
    }
}
