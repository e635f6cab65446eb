//! Clients that keep to the protocol, and know what each answer must be.

use std::{
    net::SocketAddr,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use limiter_test_support::client::Client;

/// Requests a day, for each client.
pub(super) const OWN: u64 = 7;
/// Requests a day, for all clients of a round.
pub(super) const SHARED: u64 = 17;
/// Requests a day that are not found, for each client. The others are refunded.
pub(super) const FAILURES: u64 = 3;
/// Clients at once.
const CLIENTS: usize = 4;

/// Honest clients of one server.
pub(super) struct Honest {
    address: SocketAddr,
    pub(super) rounds: usize,
    /// Answers that were not as expected; the first few.
    pub(super) wrong: Vec<String>,
    pub(super) longest: Duration,
}

impl Honest {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, rounds: 0, wrong: Vec::new(), longest: Duration::ZERO }
    }

    /// New clients spend what they have, and what they share.
    pub(super) fn round(&mut self) {
        let (address, round) = (self.address, self.rounds);
        let together = Barrier::new(CLIENTS);
        let visits: Vec<Visit> = thread::scope(|scope| {
            let visit = |client| {
                let together = &together;
                scope.spawn(move || Visit::new(address, round, client).make(together))
            };
            let clients: Vec<_> = (0..CLIENTS).map(visit).collect();
            clients.into_iter().map(|it| it.join().expect("a client goes on to the end")).collect()
        });
        let shared: usize = visits.iter().map(|visit| visit.shared).sum();
        let mut wrong: Vec<_> = visits.iter().flat_map(|visit| visit.wrong.clone()).collect();
        if u64::try_from(shared) != Ok(SHARED) {
            wrong.push(format!("round {round}: {shared} of {SHARED} shared requests were admitted"));
        }
        let room = 10_usize.saturating_sub(self.wrong.len());
        self.wrong.extend(wrong.into_iter().take(room));
        self.longest = visits.iter().map(|visit| visit.longest).fold(self.longest, Duration::max);
        self.rounds += 1;
    }
}

/// What one client does in one round.
struct Visit {
    connection: Client,
    name: String,
    round: String,
    shared: usize,
    wrong: Vec<String>,
    longest: Duration,
}

impl Visit {
    fn new(address: SocketAddr, round: usize, client: usize) -> Self {
        Self {
            connection: Client::connect(address),
            name: format!("honest {round} {client}"),
            round: format!("round {round}"),
            shared: 0,
            wrong: Vec::new(),
            longest: Duration::ZERO,
        }
    }

    fn make(mut self, together: &Barrier) -> Self {
        let own: Vec<_> = (0..OWN + 3).map(|_| self.get("/own")).collect();
        let expected = |number: u64, amount| if number < amount { 200 } else { 429 };
        let as_expected: Vec<_> = (0..OWN + 3).map(|number| expected(number, OWN)).collect();
        self.check(&own, &as_expected, "/own");
        // What succeeds is refunded. On remote storages that takes a while, so more than the amount may be refused.
        let refunded = self.get("/failures");
        self.check(&[refunded], &[200], "/failures");
        together.wait();
        for _ in 0..6 {
            let status = self.get("/shared");
            self.shared += usize::from(status == 200);
            if status != 200 && status != 429 {
                self.wrong.push(format!("{}: /shared {status}", self.name));
            }
        }
        self
    }

    fn get(&mut self, target: &str) -> u16 {
        let start = Instant::now();
        let headers = [("x-client", self.name.as_str()), ("x-round", self.round.as_str())];
        let status = self.connection.ask("GET", target, &headers).status;
        self.longest = self.longest.max(start.elapsed());
        status
    }

    fn check(&mut self, statuses: &[u16], expected: &[u16], what: &str) {
        if statuses != expected {
            self.wrong.push(format!("{}: {what} {statuses:?}", self.name));
        }
    }
}
