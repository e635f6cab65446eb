//! Counts of decisions, in bounded memory.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use foldhash::fast::RandomState;
use limiter_actix::{Breach, Key, Timestamp};

use super::{pipeline::Decision, timeline::Timeline};
use crate::{clients::Clients, frequent::Frequent};

/// Counts of all decisions.
pub(super) struct Tally {
    ipv6_prefix: u8,
    /// Those of the routes in their order, and of unmatched paths at the end.
    pub(super) routes: Vec<Counts>,
    pub(super) limits: Vec<LimitCounts>,
    numbers: HashMap<(&'static str, String), usize, RandomState>,
    /// Refused requests by route and limit.
    pub(super) refusals: HashMap<(usize, usize), u64, RandomState>,
    pub(super) all: Counts,
    pub(super) clients: Clients<ClientCounts>,
    pub(super) refused_keys: Frequent<Key, RefusedKey>,
    pub(super) timeline: Timeline,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) refused: u64,
}

pub(super) struct LimitCounts {
    pub(super) level: &'static str,
    /// Its name, or its quota.
    pub(super) text: String,
    pub(super) refused: u64,
    /// Requests that it would have refused if it were not in shadow mode.
    pub(super) shadow: u64,
}

/// The counts of one client.
#[derive(Default)]
pub(super) struct ClientCounts {
    pub(super) refused: u64,
    /// The limits that refused it, as bits of their numbers, as far as there are bits.
    pub(super) limits: u64,
}

/// A client as a limit counts it, which was refused.
pub(super) struct RefusedKey {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// The limit that refused it last.
    pub(super) limit: usize,
    pub(super) longest_wait: Duration,
}

impl Tally {
    pub(super) fn new(routes: &[String], ipv6_prefix: u8) -> Self {
        Self {
            ipv6_prefix,
            routes: vec![Counts::default(); routes.len() + 1],
            limits: Vec::new(),
            numbers: HashMap::default(),
            refusals: HashMap::default(),
            all: Counts::default(),
            clients: Clients::default(),
            refused_keys: Frequent::default(),
            timeline: Timeline::default(),
        }
    }

    pub(super) fn add(&mut self, at: Timestamp, client: IpAddr, decision: &Decision) {
        let route = decision.route.unwrap_or(self.routes.len() - 1);
        let limit = decision.refusal.as_ref().map(|breach| self.note_refusal(at, route, breach));
        for name in &decision.shadow {
            let number = self.limit("shadow", name);
            self.limits[number].shadow += 1;
        }
        for counts in [&mut self.all, &mut self.routes[route]] {
            counts.requests += 1;
            counts.refused += u64::from(limit.is_some());
        }
        self.timeline.add(at, limit.is_some());
        let client = Key::address(client, self.ipv6_prefix);
        if let Some(counts) = self.clients.value_of(&client, ClientCounts::default)
            && let Some(limit) = limit
        {
            counts.refused += 1;
            counts.limits |= bit(limit);
        }
    }

    fn note_refusal(&mut self, at: Timestamp, route: usize, breach: &Breach) -> usize {
        let text = breach.name().map_or_else(|| breach.quota().to_string(), str::to_owned);
        let limit = self.limit(breach.level(), &text);
        self.limits[limit].refused += 1;
        *self.refusals.entry((route, limit)).or_default() += 1;
        let new = || RefusedKey { first: at, last: at, limit, longest_wait: Duration::ZERO };
        let refused = self.refused_keys.count(breach.key(), new);
        refused.first = refused.first.min(at);
        refused.last = refused.last.max(at);
        refused.limit = limit;
        refused.longest_wait = refused.longest_wait.max(breach.retry_after().unwrap_or_default());
        limit
    }

    /// Returns the number of a limit.
    fn limit(&mut self, level: &'static str, text: &str) -> usize {
        let Self { limits, numbers, .. } = self;
        *numbers.entry((level, text.to_owned())).or_insert_with(|| {
            limits.push(LimitCounts { level, text: text.to_owned(), refused: 0, shadow: 0 });
            limits.len() - 1
        })
    }

    /// Returns the number of clients in the table that a limit has refused, or `None` if there are too many limits.
    pub(super) fn clients_refused_by(&self, limit: usize) -> Option<u64> {
        let bit = bit(limit);
        (bit != 0).then(|| self.clients.values().filter(|client| client.limits & bit != 0).count() as u64)
    }
}

/// Returns the bit of a limit, or none beyond the 64th.
fn bit(limit: usize) -> u64 {
    u32::try_from(limit).ok().and_then(|limit| 1_u64.checked_shl(limit)).unwrap_or(0)
}
