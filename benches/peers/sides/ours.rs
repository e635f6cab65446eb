use limiter_core::{
    Clock, Key, Policy, Quota, Scope, Strategy, SystemClock, Unit,
    storage::{Batch, Hit, MemoryStorage},
};

use super::{Maker, Setting, Side, address};

pub(super) const MAKERS: &[Maker] = &[
    |setting| one(Strategy::FixedWindow, setting),
    |setting| one(Strategy::FixedWindowElasticExpiry, setting),
    |setting| one(Strategy::MovingWindow, setting),
    |setting| one(Strategy::SlidingWindowCounter, setting),
    |setting| one(Strategy::TokenBucket, setting),
    |setting| of_one_client::<2>("2 limits of one client", setting),
    |setting| of_one_client::<4>("4 limits of one client", setting),
    in_two_scopes,
];

fn one(strategy: Strategy, setting: Setting) -> Side {
    let (storage, clock, scope) = (room(setting, 1), SystemClock::new(), Scope::new(["bench"]));
    let keeps_hits = strategy == Strategy::MovingWindow;
    let amount =
        u64::from(setting.amount).min(if keeps_hits { MemoryStorage::MAX_MOVING_WINDOW } else { u64::MAX });
    let policy = Policy::new(Quota::new(amount, 100, Unit::Year), strategy);
    let configuration = if keeps_hits {
        "as the others, but 10 000, the most that a log holds; before it is full, another one is the one client"
    } else {
        "`MemoryStorage` with room for all clients, key by address, `SystemClock`"
    };
    let side = Side::new(strategy.name(), configuration, move |client| {
        let key = Key::from(address(client));
        storage.decide(&Batch::new(&[Hit::new(&scope, &key, &policy)]), clock.now()).is_admitted()
    });
    Side { keeps_hits, ..side }
}

fn of_one_client<const LIMITS: usize>(name: &str, setting: Setting) -> Side {
    let (storage, clock, scope) = (room(setting, 1), SystemClock::new(), Scope::new(["bench"]));
    let policies: [Policy; LIMITS] =
        std::array::from_fn(|label| policy(setting).with_label(label.to_string()));
    Side::new(name, "fixed windows, all or nothing", move |client| {
        let key = Key::from(address(client));
        let hits = policies.each_ref().map(|policy| Hit::new(&scope, &key, policy));
        storage.decide(&Batch::new(&hits), clock.now()).is_admitted()
    })
}

fn in_two_scopes(setting: Setting) -> Side {
    let (storage, clock) = (room(setting, 2), SystemClock::new());
    let scopes = ["one", "other"].map(|name| Scope::new([name]));
    let policy = policy(setting);
    let configuration = "fixed windows, all or nothing, in two entries";
    Side::new("2 limits in two scopes", configuration, move |client| {
        let key = Key::from(address(client));
        let hits = scopes.each_ref().map(|scope| Hit::new(scope, &key, &policy));
        storage.decide(&Batch::new(&hits), clock.now()).is_admitted()
    })
}

fn policy(setting: Setting) -> Policy {
    Policy::new(Quota::new(setting.amount.into(), 100, Unit::Year), Strategy::FixedWindow)
}

/// Room for all clients, as many as it has unless told otherwise at least.
fn room(setting: Setting, scopes: usize) -> MemoryStorage {
    let clients = usize::try_from(setting.clients).expect("a number of clients fits");
    MemoryStorage::with_capacity((clients * scopes).max(MemoryStorage::DEFAULT_CAPACITY))
}
