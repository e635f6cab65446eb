use crate::storage::redis::{
    call::{Call, HitArguments},
    raw_report::RawReport,
    reply::ScriptReply,
};

impl Call {
    /// Returns the call that undoes this decision, or `None` if there is nothing to undo.
    ///
    /// It refunds the cost of hits that were taken, and moves ends of windows back.
    pub(in super::super) fn undo(&self, reply: &ScriptReply) -> Option<Self> {
        let hits = self.hits().iter().zip(&reply.reports);
        self.refund_of(hits.filter_map(|(hit, report)| undo(hit, report)))
    }
}

fn undo(hit: &HitArguments, report: &RawReport) -> Option<HitArguments> {
    let was_taken = report.was_taken && hit.cost != [0, 0];
    if !was_taken && !report.is_moved {
        return None;
    }
    let cost = if was_taken { hit.cost } else { [0, 0] };
    let [stored_end, ..] = report.record;
    let (to, from) =
        if report.is_moved { (report.at.saturating_add(hit.window), stored_end) } else { (0, 0) };
    let extra = [report.stamp(hit.strategy, hit.window), to, from];
    let mut undo = hit.clone();
    (undo.cost, undo.extra) = (cost, extra);
    Some(undo)
}
