//! Renews leases of concurrent requests, those of one client by one command.

use futures_util::future::join_all;
use mongodb::bson::{Bson, Document, doc, oid::ObjectId};

use super::{
    command::UpdateCommand,
    counts::CountCollection,
    error,
    layout::BatchLayout,
    pipeline::{NANOS, RenewalPipeline},
};
use crate::storage::{Refund, Renewal, StorageError};

/// Renews leases, on all their documents at once. A command that fails does not affect the others.
pub(super) async fn renew(
    counts: &CountCollection,
    leases: &[Refund<'_>],
) -> Result<Vec<Renewal>, StorageError> {
    let layout = BatchLayout::new(leases.iter().map(|lease| &lease.hit));
    let clients = 0..layout.clients.len();
    // Waits for all, even if one fails: a dropped command may still be executed.
    let renewed = join_all(clients.map(|client| renew_part(counts, leases, &layout, client))).await;
    let mut renewals = vec![Renewal::Unknown; leases.len()];
    let mut last_error = None;
    for (client, part) in renewed.into_iter().enumerate() {
        match part {
            Ok(part) => {
                let here = (0..leases.len()).filter(|lease| layout.count(*lease).client == client);
                here.zip(part).for_each(|(lease, renewal)| renewals[lease] = renewal);
            }
            Err(error) => last_error = Some(error),
        }
    }
    let is_known = renewals.iter().any(|renewal| *renewal != Renewal::Unknown);
    last_error.filter(|_| !is_known).map_or(Ok(renewals), Err)
}

/// Renews the leases that are in one document.
async fn renew_part(
    counts: &CountCollection,
    leases: &[Refund<'_>],
    layout: &BatchLayout<'_>,
    client: usize,
) -> Result<Vec<Renewal>, StorageError> {
    let numbered = leases.iter().enumerate().map(|(number, lease)| (layout.places[number], *lease));
    let here: Vec<_> = numbered.filter(|(place, _)| layout.counts[*place].client == client).collect();
    let (pipeline, mark) =
        (RenewalPipeline { layout, leases: &here, client, clock: counts.clock }, ObjectId::new());
    let command = UpdateCommand {
        id: counts.id(&layout.clients[client]),
        pipeline: pipeline.stages(mark),
        upsert: false,
    };
    let document = command.find_and_update(&counts.collection, doc! { "_id": 0, "r": 1 }).await;
    renewals(document.map_err(error::storage)?.as_ref(), mark, here.len()).ok_or_else(error::unexpected_reply)
}

/// Parses a reply. Without a report of this call, there is none of the leases.
fn renewals(reply: Option<&Document>, mark: ObjectId, leases: usize) -> Option<Vec<Renewal>> {
    let report = reply.and_then(|reply| reply.get_document("r").ok());
    let Some(report) = report.filter(|report| report.get_object_id("q").is_ok_and(|other| other == mark))
    else {
        return Some(vec![Renewal::Ended; leases]);
    };
    let renewal = |instant: &Bson| match instant {
        Bson::Int64(0) | Bson::Int32(0) => Some(Renewal::Ended),
        Bson::Int64(millis) => Some(Renewal::Renewed(u64::try_from(*millis).ok()?.checked_mul(NANOS)?)),
        _ => None,
    };
    let renewals: Vec<_> = report.get_array("g").ok()?.iter().map(renewal).collect::<Option<_>>()?;
    (renewals.len() == leases).then_some(renewals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_replies_are_renewals() {
        let mark = ObjectId::new();
        let reply = |instants: Vec<Bson>| doc! { "r": { "q": mark, "g": instants, "n": 0_i64 } };
        let both = reply(vec![Bson::Int64(7), Bson::Int64(0)]);
        let expected = Some(vec![Renewal::Renewed(7_000_000), Renewal::Ended]);
        assert_eq!(renewals(Some(&both), mark, 2), expected);
        assert_eq!(
            renewals(Some(&both), ObjectId::new(), 2),
            Some(vec![Renewal::Ended; 2]),
            "of another call"
        );
        assert_eq!(renewals(None, mark, 1), Some(vec![Renewal::Ended]), "there is no document");
        assert_eq!(renewals(Some(&both), mark, 3), None);
        for wrong in [Bson::Int64(-1), Bson::Int64(i64::MAX), Bson::String(String::new()), Bson::Null] {
            assert_eq!(renewals(Some(&reply(vec![wrong])), mark, 1), None);
        }
        assert_eq!(renewals(Some(&doc! { "r": { "q": mark } }), mark, 1), None);
    }
}
