use std::{hash::Hash, net::IpAddr, num::NonZeroU32, time::Duration};

use actix_extensible_rate_limit::backend::{Backend, SimpleInput, memory::InMemoryBackend};
use dashmap::DashMap;
use futures_util::FutureExt;
use governor::{DefaultKeyedRateLimiter, Quota};
use pingora_limits::rate::Rate;
use quota::{QuotaPolicy, QuotaPool, RefillRate};

use super::{GOVERNOR, Maker, Setting, Side, address};

const HOUR: Duration = Duration::from_hours(1);

pub(super) const MAKERS: &[Maker] = &[
    |setting| governor(GOVERNOR, setting, address),
    |setting| governor("governor by text", setting, |client| address(client).to_string()),
    quota,
    extensible,
    pingora,
    floor,
];

fn governor<K>(name: &str, setting: Setting, key: fn(u32) -> K) -> Side
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
{
    let amount = NonZeroU32::new(setting.amount).expect("above zero");
    let limiter = DefaultKeyedRateLimiter::keyed(Quota::per_hour(amount));
    let configuration = "`DefaultKeyedRateLimiter`, its `DashMap` and its clock, as actix-governor uses it";
    Side::new(name, configuration, move |client| limiter.check_key(&key(client)).is_ok())
}

fn quota(setting: Setting) -> Side {
    let policy = QuotaPolicy::new()
        .set_capacity(setting.amount.into())
        .set_refill_rate(RefillRate::per_hour(setting.amount));
    let clients = usize::try_from(setting.clients).expect("a number of clients fits");
    let pool: QuotaPool<IpAddr> = QuotaPool::with_capacity(policy, setting.amount.into(), clients);
    let configuration =
        "`QuotaPool<IpAddr>` made for as many clients, with its slot cache; it never forgets one";
    Side::new("quota by address", configuration, move |client| pool.check(&address(client), 1))
}

/// With the text as its key that its `peer_ip_key` makes.
fn extensible(setting: Setting) -> Side {
    let backend = InMemoryBackend::builder().with_gc_interval(None).build();
    let configuration =
        "`InMemoryBackend` without its task that collects garbage, asked once: it never waits";
    Side::new("actix-extensible-rate-limit", configuration, move |client| {
        let key = address(client).to_string();
        let input = SimpleInput { interval: HOUR, max_requests: setting.amount.into(), key };
        let answer = backend.request(input).now_or_never().expect("it never waits");
        let Ok((decision, _, _)) = answer;
        decision.is_allowed()
    })
}

fn pingora(setting: Setting) -> Side {
    let rate = Rate::new(HOUR);
    let most = isize::try_from(setting.amount).unwrap_or(isize::MAX);
    let configuration =
        "`Rate` of an hour, an estimate, which may be too high but never too low; it keeps no key";
    let side =
        Side::new("pingora-limits", configuration, move |client| rate.observe(&address(client), 1) <= most);
    Side { keeps_keys: false, ..side }
}

fn floor(setting: Setting) -> Side {
    let map = DashMap::with_hasher(foldhash::fast::RandomState::default());
    let configuration = "one entry of a `DashMap<IpAddr, u64>` with foldhash, found and counted: no limiter";
    Side::new("floor: a DashMap entry", configuration, move |client| {
        let mut count = map.entry(address(client)).or_insert(0_u64);
        *count += 1;
        *count <= setting.amount.into()
    })
}
