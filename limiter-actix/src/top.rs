//! The busiest and the most refused clients, in a bounded sketch.

mod sketch;

use std::time::Duration;

use limiter_core::{Key, Timestamp};

use self::sketch::Sketch;

/// The busiest and the most refused clients of a limiter in this process; returned by
/// [`Limiter::top`](crate::Limiter::top).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TopClients {
    /// The time since which requests are counted, 5 to 10 minutes ago, by the limiter's clock.
    pub since: Timestamp,
    /// The clients with the most requests, in falling order.
    pub busiest: Vec<TopClient>,
    /// The clients with the most refused requests, in falling order.
    pub refused: Vec<TopClient>,
}

/// A client with the number of its requests, or of those that were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopClient {
    /// The client, by the limiter's own key.
    pub key: Key,
    /// The estimated number.
    pub count: u64,
    /// The most by which the true number differs from the estimate.
    pub error: u64,
}

/// The time that one half of the counts covers.
const PERIOD: Duration = Duration::from_secs(5 * 60);

/// Counts requests and refusals by client.
pub(crate) struct TopCounts {
    requests: Sketch,
    refusals: Sketch,
}

impl TopCounts {
    /// The number of clients in each list.
    const LISTED: usize = 100;

    pub(crate) fn new() -> Self {
        Self { requests: Sketch::new(), refusals: Sketch::new() }
    }

    pub(crate) fn count_request(&self, client: &Key, now: Timestamp) {
        self.requests.count(client, period(now));
    }

    pub(crate) fn count_refusal(&self, client: &Key, now: Timestamp) {
        self.refusals.count(client, period(now));
    }

    pub(crate) fn report(&self, now: Timestamp) -> TopClients {
        let current = period(now);
        let list = |sketch: &Sketch| {
            let mut clients = sketch.clients(current);
            clients.sort_by_key(|client| {
                std::cmp::Reverse((client.count - client.error.min(client.count), client.count))
            });
            clients.truncate(Self::LISTED);
            clients
        };
        let since = u64::from(current.saturating_sub(1)).saturating_mul(PERIOD.as_secs() * 1000);
        TopClients {
            since: Timestamp::from_millis(since),
            busiest: list(&self.requests),
            refused: list(&self.refusals),
        }
    }
}

/// Returns the number of a period since the epoch.
fn period(now: Timestamp) -> u32 {
    u32::try_from(now.as_nanos() / 1_000_000_000 / PERIOD.as_secs()).unwrap_or(u32::MAX)
}
