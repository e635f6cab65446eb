//! What decides on the server.

use std::{cell::Cell, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use actix_extensible_rate_limit::backend::{Backend, SimpleInput, redis::RedisBackend};
use limiter_core::{
    Clock, Key, Policy, Quota, Scope, Strategy, SystemClock,
    storage::{Batch, Hit, LocalRefusals, RedisStorage, Resilient, Storage, StorageError},
};

use crate::server::Server;

/// How many take turns.
pub const CLIENTS: usize = 64;

const PLENTY: u64 = 1_000_000_000;
const HOUR: Duration = Duration::from_hours(1);

type Asked = Pin<Box<dyn Future<Output = bool>>>;

/// Something that decides about a client.
pub struct Side {
    pub name: String,
    /// How it is set up.
    pub configuration: &'static str,
    ask: Box<dyn Fn(usize) -> Asked>,
    /// The commands by which it asks, as the server counts them.
    pub commands: &'static [&'static str],
    admits: bool,
}

impl Side {
    pub async fn decide(&self, client: usize) {
        assert_eq!((self.ask)(client % CLIENTS).await, self.admits, "{}", self.name);
    }
}

pub async fn sides(server: &Server) -> Vec<Side> {
    let mut sides = vec![increment(server).await];
    for strategy in Strategy::ALL {
        sides.push(ours(&format!("limiter, {strategy}"), RedisStorage::new(&server.uri), strategy, 1, 0));
    }
    let fixed = Strategy::FixedWindow;
    sides.push(ours("limiter, 3 limits", RedisStorage::new(&server.uri), fixed, 3, 0));
    sides.push(ours("limiter, 3 limits and a meta limit", RedisStorage::new(&server.uri), fixed, 3, 1));
    sides.push(ours("limiter, 8 limits", RedisStorage::new(&server.uri), fixed, 8, 0));
    let guarded =
        RedisStorage::new(&server.uri).map(|storage| LocalRefusals::new(Arc::new(Resilient::new(storage))));
    sides.push(ours("limiter, 3 limits, with breaker and local refusals", guarded, fixed, 3, 0));
    sides.push(refused_locally(server));
    sides.push(extensible(server).await);
    sides.push(limitation(server));
    sides
}

/// What cannot be less: one count, that never ends.
async fn increment(server: &Server) -> Side {
    let connection = server.connect().await;
    let ask = move |client: usize| -> Asked {
        let mut connection = connection.clone();
        Box::pin(async move {
            let mut command = redis::cmd("INCR");
            let count: u64 =
                command.arg(format!("bare:{client}")).query_async(&mut connection).await.expect("it answers");
            count > 0
        })
    };
    let configuration = "the `redis` crate, one connection that all share";
    Side { name: "bare `INCR`".into(), configuration, ask: Box::new(ask), commands: &["incr"], admits: true }
}

fn ours<S: Storage + 'static>(
    name: &str,
    storage: Result<S, StorageError>,
    strategy: Strategy,
    limits: usize,
    meta: usize,
) -> Side {
    // A log holds no more; no client comes as often.
    let amount = if strategy == Strategy::MovingWindow { RedisStorage::MAX_MOVING_WINDOW } else { PLENTY };
    let ask = batches(storage.expect("it is an address"), name, amount, strategy, limits, meta);
    let configuration = "plenty an hour for each client, as much as a log holds for the moving window";
    Side { name: name.into(), configuration, ask, commands: &["evalsha", "eval"], admits: true }
}

/// A limit that is spent by the first question; from then on the answers come from this process.
fn refused_locally(server: &Server) -> Side {
    let storage = LocalRefusals::new(Arc::new(RedisStorage::new(&server.uri).expect("it is an address")));
    let ask = batches(storage, "refused", 1, Strategy::FixedWindow, 1, 0);
    let first = Cell::new(true);
    let ask = move |_: usize| -> Asked {
        let (answer, again) = (ask(0), first.replace(false).then(|| ask(0)));
        Box::pin(async move {
            let is_admitted = answer.await;
            match again {
                Some(again) => again.await,
                None => is_admitted,
            }
        })
    };
    let name = "limiter, refused before (without the server)".into();
    let configuration = "one an hour, `LocalRefusals`";
    Side { name, configuration, ask: Box::new(ask), commands: &["evalsha", "eval"], admits: false }
}

/// Asks a storage about some limits of one client, guarded by some meta limits in a scope of their own.
fn batches<S: Storage + 'static>(
    storage: S,
    scope: &str,
    amount: u64,
    strategy: Strategy,
    limits: usize,
    meta: usize,
) -> Box<dyn Fn(usize) -> Asked> {
    let label = |number: usize| Policy::new(Quota::per_hour(amount), strategy).with_label(number.to_string());
    let policies: Vec<_> = (0..limits).map(label).collect();
    let scopes = [Scope::new([scope]), Scope::new([scope, "meta"])];
    let all = Rc::new((storage, scopes, policies, SystemClock::new()));
    Box::new(move |client| {
        let all = Rc::clone(&all);
        Box::pin(async move {
            let (storage, [scope, of_meta], policies, clock) = &*all;
            let key = Key::text("client", client.to_string());
            let hits: Vec<_> = policies.iter().map(|policy| Hit::new(scope, &key, policy)).collect();
            let meta: Vec<_> =
                policies[..meta].iter().map(|policy| Hit::new(of_meta, &key, policy)).collect();
            let batch = Batch::new(&hits).guards(&meta).on_refusal(&meta);
            storage.decide(&batch, clock.now()).await.expect("it answers").is_admitted()
        })
    })
}

/// Fixed windows: `MULTI`, `BITFIELD`, `EXPIRE`, `TTL`, `EXEC`, which counts what is refused too.
async fn extensible(server: &Server) -> Side {
    let client = redis_0_26::Client::open(server.uri.as_str()).expect("it is an address");
    let manager = redis_0_26::aio::ConnectionManager::new(client).await.expect("it listens");
    let backend = RedisBackend::builder(manager).build();
    let ask = move |client: usize| -> Asked {
        let backend = backend.clone();
        let key = format!("extensible:{client}");
        Box::pin(async move {
            let input = SimpleInput { interval: HOUR, max_requests: PLENTY, key };
            backend.request(input).await.expect("it answers").0.is_allowed()
        })
    };
    let name = "actix-extensible-rate-limit".into();
    let configuration =
        "`RedisBackend` on a `ConnectionManager` that all share, plenty an hour for each client";
    Side { name, configuration, ask: Box::new(ask), commands: &["multi", "exec"], admits: true }
}

/// Fixed windows: `MULTI`, `SET .. NX`, `INCR`, `TTL`, `EXEC`, over a connection of its own for each request.
fn limitation(server: &Server) -> Side {
    let mut builder = actix_limitation::Limiter::builder(server.uri.as_str());
    let amount = usize::try_from(PLENTY).expect("it fits");
    let limiter = Rc::new(builder.limit(amount).period(HOUR).build().expect("it is an address"));
    let ask = move |client: usize| -> Asked {
        let limiter = Rc::clone(&limiter);
        Box::pin(async move { limiter.count(format!("limitation:{client}")).await.is_ok() })
    };
    let name = "actix-limitation".into();
    let configuration = "`Limiter::count`, which connects each time, plenty an hour for each client";
    Side { name, configuration, ask: Box::new(ask), commands: &["multi", "exec"], admits: true }
}
