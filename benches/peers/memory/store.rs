//! What decides at a time that it is told.

use std::{cell::Cell, net::IpAddr, num::NonZeroU32, time::Duration};

use dashmap::DashMap;
use governor::{
    RateLimiter, clock::FakeRelativeClock, middleware::NoOpMiddleware, nanos::Nanos,
    state::keyed::DashMapStateStore,
};
use limiter_core::{
    Key, Policy, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, MemoryStorage},
};
use limiter_peers::sides::address;

/// Ten a minute for each client.
pub trait Store {
    /// Decides about a client, so long after the beginning.
    fn hit(&self, client: u32, now: Duration) -> bool;

    /// How many clients it holds.
    fn len(&self) -> usize;

    /// What its users are told to call now and then.
    fn tidy(&self) {}
}

pub const OURS: &str = "fixed-window";
pub const GOVERNOR: &str = "governor";
pub const GOVERNOR_TIDIED: &str = "governor, tidied";
pub const FLOOR: &str = "floor: a DashMap entry";

/// Makes the one of this name, with room for so many clients.
pub fn store(name: &str, room: usize) -> Box<dyn Store> {
    match name {
        OURS => Box::new(Ours::new(room)),
        GOVERNOR => Box::new(Governor::new(false)),
        GOVERNOR_TIDIED => Box::new(Governor::new(true)),
        FLOOR => Box::new(DashMap::with_hasher(foldhash::fast::RandomState::default())),
        _ => panic!("there is no store {name}"),
    }
}

struct Ours {
    storage: MemoryStorage,
    scope: Scope,
    policy: Policy,
}

impl Ours {
    fn new(room: usize) -> Self {
        let policy = Policy::new(limiter_core::Quota::per_minute(10), Strategy::FixedWindow);
        Self { storage: MemoryStorage::with_capacity(room), scope: Scope::new(["bench"]), policy }
    }
}

impl Store for Ours {
    fn hit(&self, client: u32, now: Duration) -> bool {
        let key = Key::from(address(client));
        let hits = [Hit::new(&self.scope, &key, &self.policy)];
        let beginning = Timestamp::from_millis(1_767_225_600_000);
        self.storage.decide(&Batch::new(&hits), beginning.after(now)).is_admitted()
    }

    fn len(&self) -> usize {
        self.storage.len()
    }
}

struct Governor {
    limiter: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, FakeRelativeClock, NoOpMiddleware<Nanos>>,
    clock: FakeRelativeClock,
    /// What the clock shows.
    time: Cell<Duration>,
    is_tidied: bool,
}

impl Governor {
    fn new(is_tidied: bool) -> Self {
        let (clock, ten) = (FakeRelativeClock::default(), NonZeroU32::new(10).expect("above zero"));
        let limiter = RateLimiter::dashmap_with_clock(governor::Quota::per_minute(ten), clock.clone());
        Self { limiter, clock, time: Cell::default(), is_tidied }
    }
}

impl Store for Governor {
    fn hit(&self, client: u32, now: Duration) -> bool {
        self.clock.advance(now.saturating_sub(self.time.replace(now)));
        self.limiter.check_key(&address(client)).is_ok()
    }

    fn len(&self) -> usize {
        self.limiter.len()
    }

    fn tidy(&self) {
        if self.is_tidied {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}

impl Store for DashMap<IpAddr, u64, foldhash::fast::RandomState> {
    fn hit(&self, client: u32, _: Duration) -> bool {
        *self.entry(address(client)).or_insert(0) += 1;
        true
    }

    fn len(&self) -> usize {
        DashMap::len(self)
    }
}
