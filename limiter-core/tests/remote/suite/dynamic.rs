//! Limits that change by the request, so that one client can have any number of counts.

use limiter_core::{
    Key, Policy, Quota, Scope,
    storage::{Batch, Hit, Storage},
};

use crate::{NOON, server::Server};

/// The defect: a client got rid of a spent count by hits under many other quotas.
pub(crate) async fn a_spent_count_outlives_many_others<S: Server>() {
    let server = S::start();
    let storage = S::by_callers_clock(server.storage());
    let key = Key::from("somebody");
    for strategy in S::STRATEGIES {
        let scope = Scope::new([strategy.name()]);
        let spent = Policy::new(Quota::per_hour(2), *strategy);
        let hits = [Hit::new(&scope, &key, &spent)];
        let try_it = async || storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted();
        assert_eq!([try_it().await, try_it().await, try_it().await], [true, true, false]);
        // Their ends are nearer or farther, or the same.
        let others: Vec<_> = (3..600)
            .map(|amount| {
                let quota = [Quota::per_minute, Quota::per_hour, Quota::per_day][amount % 3];
                Policy::new(quota(amount as u64), *strategy)
            })
            .collect();
        for policies in others.chunks(20) {
            let hits: Vec<_> = policies.iter().map(|policy| Hit::new(&scope, &key, policy)).collect();
            assert!(storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
        }
        assert!(!try_it().await, "{strategy}: it is still spent");
    }
}
