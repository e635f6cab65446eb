//! A soak of hostile clients over raw sockets and streams of HTTP/2: meanwhile the counts of honest clients stay exact,
//! the storage is never taken for failing, memory and log stay bounded, and nothing panics.
//!
//! Each storage takes [`SECONDS`], or as many seconds as `LIMITER_SOAK_SECONDS` states. The times of answers depend on
//! the machine, so that they are checked only if `LIMITER_SOAK_MAX_MS` states the longest.

use std::{
    env, fs, panic,
    process::Command,
    sync::{
        Arc, Mutex, Once, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::{StatusCode, Version},
    rt::time::sleep,
    web::{self, Bytes, Payload},
};
use futures_util::StreamExt;
use limiter_actix::{Limit, Limiter, LimiterBuilder, Quota, key, resource};
use limiter_test_support::{log, server::serve, storages::StorageKind};

use self::honest::Honest;

mod attacks;
mod honest;
#[cfg(all(feature = "redis", feature = "memcached", feature = "mongodb"))]
mod remote;

const SECONDS: u64 = 12;
/// Clients that attack at once.
const ATTACKERS: u64 = 6;
/// The most that memory may grow from the first third of the soak to its end.
const MAX_GROWTH_KB: usize = 48 * 1024;

fn seconds() -> Duration {
    let set = env::var("LIMITER_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(set.unwrap_or(SECONDS))
}

/// Resident memory of this process, in kilobytes.
fn resident_kb() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Panics in the code of the limiter, of all threads.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let file = info.location().map_or("", |location| location.file());
            if file.contains("limiter-core/src") || file.contains("limiter-actix/src") {
                PANICS.fetch_add(1, SeqCst);
            }
            before(info);
        }));
    });
}

/// Requests of streams that have reached their handlers.
static STREAMS: AtomicUsize = AtomicUsize::new(0);

async fn ok(req: HttpRequest) -> HttpResponse {
    if req.version() == Version::HTTP_2 {
        STREAMS.fetch_add(1, SeqCst);
    }
    HttpResponse::Ok().finish()
}

/// Takes a while, so that clients may leave meanwhile.
async fn work() -> HttpResponse {
    sleep(Duration::from_millis(3)).await;
    HttpResponse::Ok().finish()
}

async fn upload(mut body: Payload) -> HttpResponse {
    let mut size = 0;
    while let Some(Ok(part)) = body.next().await {
        size += Bytes::len(&part);
    }
    HttpResponse::Ok().body(size.to_string())
}

/// The limits of the app: a count for each client, one that all share, and those by pattern, which paths combine.
fn limits(it: LimiterBuilder) -> LimiterBuilder {
    let by_client = || key::header("x-client");
    let mut it = it
        .application_limits(Limit::new(Quota::per_day(1_000_000_000)))
        .default_limits(Limit::new(Quota::per_day(1_000_000)).key(by_client()));
    for depth in 0..8 {
        let segments = (0..depth).map(|number| format!("/{{s{number}}}")).collect::<Vec<_>>().concat();
        it = it
            .route(&format!("{segments}/x{depth}"), "1000000/day")
            .scope(&format!("/d{depth}"), "1000000/day");
    }
    it
}

fn routes(app: &mut web::ServiceConfig) {
    let by_client = |amount| Limit::new(Quota::per_day(amount)).key(key::header("x-client"));
    let shared = |limit: Limit| limit.key(key::header("x-round"));
    let failures = by_client(honest::FAILURES).deduct_when(|head| head.status == StatusCode::NOT_FOUND);
    app.service(resource("/own", by_client(honest::OWN), |it| it.to(ok)))
        .service(resource("/shared", shared(Limit::new(Quota::per_day(honest::SHARED))), |it| it.to(ok)))
        .service(resource("/failures", failures, |it| it.to(ok)))
        .service(resource("/work", by_client(1_000_000).refund_on_drop(true), |it| it.to(work)))
        .service(resource("/upload", by_client(1_000_000), |it| it.to(upload)))
        .route("/plain/{any}", web::get().to(ok));
}

/// One soak at a time, so that each has the machine for itself.
static ALONE: Mutex<()> = Mutex::new(());

/// Attacks a server with this storage while honest clients use it.
fn soak(storage: impl FnOnce(LimiterBuilder) -> LimiterBuilder + Send + 'static) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    log::capture();
    count_panics();
    let (lines, panics) = (log::everywhere("").len(), PANICS.load(SeqCst));
    let streams = STREAMS.load(SeqCst);
    let (limiter, made) = std::sync::mpsc::channel();
    let server = serve(move |listener| {
        let it = limits(storage(Limiter::builder())).build().expect("a limiter");
        limiter.send(it.clone()).expect("the test waits for it");
        let server = HttpServer::new(move || App::new().wrap(it.clone()).configure(routes));
        Ok(server.workers(2).shutdown_timeout(1).listen_auto_h2c(listener)?.run())
    });
    let limiter = made.recv().expect("a limiter");
    let (address, start, length) = (server.address, Instant::now(), seconds());
    let is_over = Arc::new(AtomicBool::new(false));
    let attackers: Vec<_> = (0..ATTACKERS)
        .map(|seed| {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || attacks::run(address, seed, &is_over))
        })
        .collect();

    let mut honest = Honest::new(address);
    let mut resident = None;
    while start.elapsed() < length {
        honest.round();
        if start.elapsed() > length / 3 {
            resident.get_or_insert_with(resident_kb);
        }
    }
    let grown = resident_kb().saturating_sub(resident.unwrap_or(0));
    is_over.store(true, SeqCst);
    let attacks: u64 =
        attackers.into_iter().map(|it| it.join().expect("an attacker goes on to the end")).sum();

    let health = limiter.storage_health();
    let logged = log::everywhere("").len() - lines;
    let rounds = honest.rounds;
    let streams = STREAMS.load(SeqCst) - streams;
    println!(
        "{attacks} attacks, {streams} streams, {rounds} rounds, longest {:?}, {grown} kB more, {logged} lines",
        honest.longest
    );
    assert!(attacks > ATTACKERS && rounds > 0);
    assert!(streams > 0, "streams reach handlers");
    assert_eq!(honest.wrong, Vec::<String>::new(), "of {rounds} rounds");
    // Without a failed call, no breaker opens.
    assert_eq!((health.errors(), health.is_failing()), (0, false), "{:?}", log::everywhere("L006"));
    assert_eq!(PANICS.load(SeqCst), panics, "the limiter panics");
    assert!(grown < MAX_GROWTH_KB, "{grown} kB more");
    // A hundred refusals a second, some with codes, and those of other tests of this process.
    let most = usize::try_from(start.elapsed().as_secs() + 1).unwrap_or(usize::MAX) * 110 + 3000;
    assert!(logged < most, "{logged} lines");
    if let Some(most) = env::var("LIMITER_SOAK_MAX_MS").ok().and_then(|most| most.parse().ok()) {
        assert!(honest.longest < Duration::from_millis(most), "{:?}", honest.longest);
    }
}

#[test]
fn on_memory() {
    in_own_process("hostile::on_memory", || soak(|it| it));
}

#[test]
fn on_a_storage_that_answers_later() {
    in_own_process("hostile::on_a_storage_that_answers_later", || soak(|it| StorageKind::Remote.set(it)));
}

/// Runs a test in a process of its own, since other tests of this one take memory, too.
fn in_own_process(name: &str, test: impl FnOnce()) {
    const VARIABLE: &str = "LIMITER_SOAK_PROCESS";
    if env::var_os(VARIABLE).is_some() {
        return test();
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let program = env::current_exe().expect("the path of this program");
    let mut process = Command::new(program);
    let status = process.args([name, "--exact", "--nocapture"]).env(VARIABLE, "1").status();
    assert!(status.expect("it starts").success(), "{name} fails, see above");
}
