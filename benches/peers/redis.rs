//! What decisions on a Redis server cost, beside a bare `INCR` and peers in the same run, on a server that it starts
//! itself (`redis-server`, or what `REDIS_SERVER` names).
//!
//! Prints medians of several rounds, the sides taking turns so that a noisy machine is noisy to all of them. Compare
//! the ratios, not the figures.

use std::{
    cell::Cell,
    env,
    net::{TcpListener, TcpStream},
    pin::Pin,
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use actix_extensible_rate_limit::backend::{Backend, SimpleInput, redis::RedisBackend};
use futures_util::future::join_all;
use limiter_core::{
    Clock, Key, Policy, Quota, Scope, Strategy, SystemClock,
    storage::{Batch, Hit, LocalRefusals, RedisStorage, Resilient, Storage},
};
use redis::{Client, aio::MultiplexedConnection};

const ROUNDS: usize = 15;
const ONE_AT_A_TIME: usize = 300;
const IN_FLIGHT: usize = 64;
const EACH: usize = 20;
const CLIENTS: usize = 64;
const PLENTY: u64 = 1_000_000_000;
const HOUR: Duration = Duration::from_secs(3600);

type Asked = Pin<Box<dyn Future<Output = bool>>>;

/// Something that decides about a client.
struct Side {
    name: String,
    ask: Box<dyn Fn(usize) -> Asked>,
    /// The commands by which it asks, as the server counts them.
    commands: &'static [&'static str],
    admits: bool,
}

fn main() {
    // `cargo test` runs a bench once to see that it works.
    let rounds = if env::args().any(|arg| arg == "--bench") { ROUNDS } else { 1 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it builds");
    runtime.block_on(run(rounds));
}

async fn run(rounds: usize) {
    let server = Server::start();
    let mut admin = connection(&server).await;
    let sides = sides(&server).await;
    let mut figures = vec![[const { Vec::new() }; 3]; sides.len()];
    for _ in 0..rounds {
        for (side, figures) in sides.iter().zip(&mut figures) {
            // What it does but once, such as to connect.
            side.decide(0).await;
            reset_statistics(&mut admin).await;
            figures[0].push(one_at_a_time(side).await);
            figures[1].push(server_micros(&mut admin, side.commands).await);
            figures[2].push(many_at_once(side).await);
        }
    }
    println!("| median of {rounds} rounds | latency, us | of INCR | server, us | 64 in flight, a second |");
    println!("|---|---|---|---|---|");
    let mut floor = None;
    for (side, figures) in sides.iter().zip(figures) {
        let [latency, on_server, throughput] = figures.map(median);
        let times = latency / *floor.get_or_insert(latency);
        println!("| {} | {latency:.1} | {times:.2} | {on_server:.1} | {throughput:.0} |", side.name);
    }
}

impl Side {
    async fn decide(&self, client: usize) {
        assert_eq!((self.ask)(client % CLIENTS).await, self.admits, "{}", self.name);
    }
}

/// Microseconds from question to answer.
async fn one_at_a_time(side: &Side) -> f64 {
    let start = Instant::now();
    for step in 0..ONE_AT_A_TIME {
        side.decide(step).await;
    }
    per(start.elapsed().as_secs_f64() * 1e6, ONE_AT_A_TIME)
}

/// Decisions a second.
async fn many_at_once(side: &Side) -> f64 {
    let start = Instant::now();
    join_all((0..IN_FLIGHT).map(async |client| {
        for _ in 0..EACH {
            side.decide(client).await;
        }
    }))
    .await;
    1.0 / per(start.elapsed().as_secs_f64(), IN_FLIGHT * EACH)
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand fit")]
fn per(sum: f64, parts: usize) -> f64 {
    sum / parts as f64
}

async fn sides(server: &Server) -> Vec<Side> {
    let mut sides = vec![increment(server).await];
    for strategy in Strategy::ALL {
        sides.push(ours(&format!("limiter, {strategy}"), RedisStorage::new(&server.uri), strategy, 1));
    }
    let fixed = Strategy::FixedWindow;
    sides.push(ours("limiter, 3 limits", RedisStorage::new(&server.uri), fixed, 3));
    let guarded =
        RedisStorage::new(&server.uri).map(|storage| LocalRefusals::new(Arc::new(Resilient::new(storage))));
    sides.push(ours("limiter, 3 limits, with breaker and local refusals", guarded, fixed, 3));
    sides.push(refused_locally(server));
    sides.push(extensible(server).await);
    sides.push(limitation(server));
    sides
}

/// What cannot be less: one count, that never ends.
async fn increment(server: &Server) -> Side {
    let connection = connection(server).await;
    let ask = move |client: usize| -> Asked {
        let mut connection = connection.clone();
        Box::pin(async move {
            let mut command = redis::cmd("INCR");
            let count: u64 =
                command.arg(format!("bare:{client}")).query_async(&mut connection).await.expect("it answers");
            count > 0
        })
    };
    Side { name: "bare `INCR`".into(), ask: Box::new(ask), commands: &["incr"], admits: true }
}

fn ours<S: Storage + 'static>(
    name: &str,
    storage: Result<S, limiter_core::storage::StorageError>,
    strategy: Strategy,
    limits: usize,
) -> Side {
    // A log holds no more; no client comes as often.
    let amount = if strategy == Strategy::MovingWindow { RedisStorage::MAX_MOVING_WINDOW } else { PLENTY };
    let ask = batches(storage.expect("it is an address"), name, amount, strategy, limits);
    Side { name: name.into(), ask, commands: &["evalsha", "eval"], admits: true }
}

/// A limit that is spent by the first question; from then on the answers come from this process.
fn refused_locally(server: &Server) -> Side {
    let storage = LocalRefusals::new(Arc::new(RedisStorage::new(&server.uri).expect("it is an address")));
    let ask = batches(storage, "refused", 1, Strategy::FixedWindow, 1);
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
    Side { name, ask: Box::new(ask), commands: &["evalsha", "eval"], admits: false }
}

/// Asks a storage about some limits of one client.
fn batches<S: Storage + 'static>(
    storage: S,
    scope: &str,
    amount: u64,
    strategy: Strategy,
    limits: usize,
) -> Box<dyn Fn(usize) -> Asked> {
    let label = |number: usize| Policy::new(Quota::per_hour(amount), strategy).with_label(number.to_string());
    let policies: Vec<_> = (0..limits).map(label).collect();
    let all = Rc::new((storage, Scope::new([scope]), policies, SystemClock::new()));
    Box::new(move |client| {
        let all = Rc::clone(&all);
        Box::pin(async move {
            let (storage, scope, policies, clock) = &*all;
            let key = Key::text("client", client.to_string());
            let hits: Vec<_> = policies.iter().map(|policy| Hit::new(scope, &key, policy)).collect();
            storage.decide(&Batch::new(&hits), clock.now()).await.expect("it answers").is_admitted()
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
    let name = "actix-extensible-rate-limit 0.4".into();
    Side { name, ask: Box::new(ask), commands: &["multi", "exec"], admits: true }
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
    let name = "actix-limitation 0.6".into();
    Side { name, ask: Box::new(ask), commands: &["multi", "exec"], admits: true }
}

async fn connection(server: &Server) -> MultiplexedConnection {
    let client = Client::open(server.uri.as_str()).expect("it is an address");
    client.get_multiplexed_async_connection().await.expect("it listens")
}

async fn reset_statistics(admin: &mut MultiplexedConnection) {
    let () = redis::cmd("CONFIG").arg("RESETSTAT").query_async(admin).await.expect("it resets");
}

/// Microseconds that the server spent on a decision since the reset.
async fn server_micros(admin: &mut MultiplexedConnection, commands: &[&str]) -> f64 {
    let text: String = redis::cmd("INFO").arg("commandstats").query_async(admin).await.expect("it tells");
    let micros = |command: &&str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
        let used = line.and_then(|line| line.split(',').find_map(|part| part.strip_prefix("usec=")));
        used.map_or(0.0, |used| used.parse().expect("a number"))
    };
    per(commands.iter().map(micros).sum(), ONE_AT_A_TIME)
}

struct Server {
    process: Child,
    uri: String,
}

impl Server {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port is free");
        let mut command = Command::new(env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into()));
        command.args(["--port", &free.port().to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no"]).stdout(Stdio::null());
        let process = command.spawn().expect("`apt-get install redis-server` installs it");
        let server = Self { process, uri: format!("redis://{free}") };
        let start = Instant::now();
        while TcpStream::connect(free).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "the server listens");
            thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
