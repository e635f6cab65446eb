//! A soak of hostile clients over raw sockets and streams of HTTP/2, while an operator reloads settings and bans clients:
//! the counts of honest clients stay exact, the storage is never taken for failing, memory and log stay bounded, no
//! descriptor and no task is left, and nothing panics.
//!
//! Each storage takes [`SECONDS`], or as many seconds as `LIMITER_SOAK_SECONDS` states. The times of answers depend on
//! the machine, so that they are checked only if `LIMITER_SOAK_MAX_MS` states the longest.

use std::{
    sync::{
        Arc,
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
use limiter_actix::{
    Exempt, Limit, Limiter, LimiterBuilder, Quota, ResourceExt, key, resource, storage::MemoryStorage,
};
use limiter_test_support::{log, server::serve, storages::StorageKind};

use self::{
    honest::Honest,
    leaks::Held,
    operator::{Operator, SettingsFile},
};
use crate::soaking;

mod attacks;
mod honest;
mod leaks;
mod operator;

const SECONDS: u64 = 12;
/// The time in which attackers have had a stream answered on any machine.
const FOR_EVER: Duration = Duration::from_secs(180);
/// Clients that attack at once.
const ATTACKERS: u64 = 6;
/// The most that memory may grow from the first third of the soak to its end.
const MAX_GROWTH_KB: usize = 48 * 1024;

/// Lines that no client causes: each reload is logged, and each worker logs again the rules that match no route.
const BY_OPERATOR: &[&str] = &["reloaded the settings", "L031"];

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
        .route("/plain/{any}", web::get().to(ok))
        .service(web::resource("/tasks").to(leaks::tasks).exempt(Exempt::ALL));
}

/// Attacks a server with this storage while honest clients use it.
pub(crate) fn soak(storage: impl FnOnce(LimiterBuilder) -> LimiterBuilder + Send + 'static) {
    let _alone = soaking::alone();
    log::capture();
    soaking::count_panics();
    let (mut logged, panics) = (0, soaking::panics());
    let streams = STREAMS.load(SeqCst);
    let file = SettingsFile::new();
    let path = file.path().clone();
    let (limiter, made) = std::sync::mpsc::channel();
    let server = serve(move |listener| {
        let it = limits(storage(Limiter::builder().from_file(path))).build().expect("a limiter");
        limiter.send(it.clone()).expect("the test waits for it");
        let server = HttpServer::new(move || App::new().wrap(it.clone()).configure(routes));
        // On a busy machine, honest clients wait for each other for longer than the default.
        let server = server.keep_alive(Duration::from_secs(60));
        Ok(server.workers(2).shutdown_timeout(1).listen_auto_h2c(listener)?.run())
    });
    let limiter = made.recv().expect("a limiter");
    let (address, length) = (server.address, soaking::seconds("LIMITER_SOAK_SECONDS", SECONDS));
    let (mut honest, mut operator) = (Honest::new(address), Operator::new(limiter.clone(), file, address));
    honest.round();
    operator.round();
    let held = Held::now(address);
    let start = Instant::now();
    let is_over = Arc::new(AtomicBool::new(false));
    let attackers: Vec<_> = (0..ATTACKERS)
        .map(|seed| {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || attacks::run(address, seed, &is_over))
        })
        .collect();

    let mut resident = None;
    let has_streams = || STREAMS.load(SeqCst) > streams;
    while start.elapsed() < length || resident.is_none() || (!has_streams() && start.elapsed() < FOR_EVER) {
        honest.round();
        operator.round();
        // An hour of lines would take memory, too.
        logged += log::forget_except("L006", BY_OPERATOR);
        if start.elapsed() > length / 3 {
            resident.get_or_insert_with(soaking::resident_kb);
        }
    }
    let grown = soaking::resident_kb().saturating_sub(resident.unwrap_or(0));
    is_over.store(true, SeqCst);
    let attacks: u64 =
        attackers.into_iter().map(|it| it.join().expect("an attacker goes on to the end")).sum();

    let health = limiter.storage_health();
    logged += log::forget_except("L006", BY_OPERATOR);
    let (rounds, changes) = (honest.rounds, operator.rounds);
    let streams = STREAMS.load(SeqCst) - streams;
    println!(
        "{attacks} attacks, {streams} streams, {rounds} rounds, {changes} reloads and bans, longest {:?}, {grown} kB more, \
         {logged} lines, {held:?} at first and {:?} in the end",
        honest.longest,
        held.expect_again(address)
    );
    assert!(attacks > ATTACKERS && rounds > 0);
    assert!(streams > 0, "streams reach handlers");
    assert_eq!(honest.wrong, Vec::<String>::new(), "of {rounds} rounds");
    assert_eq!(operator.wrong, Vec::<String>::new(), "of {changes} rounds");
    // Without a failed call, no breaker opens.
    assert_eq!((health.errors(), health.is_failing()), (0, false), "{:?}", log::everywhere("L006"));
    assert_eq!(soaking::panics(), panics, "the limiter panics");
    assert!(grown < MAX_GROWTH_KB, "{grown} kB more");
    // A hundred refusals a second, some with codes, and those of other tests of this process.
    let most = usize::try_from(start.elapsed().as_secs() + 1).unwrap_or(usize::MAX) * 110 + 3000;
    assert!(logged < most, "{logged} lines");
    soaking::assert_prompt(honest.longest);
}

#[test]
fn on_memory() {
    // Smaller than the floods, so that it is full after a while.
    soaking::in_own_process("hostile::on_memory", || {
        soak(|it| it.memory_storage(MemoryStorage::with_capacity(100_000)));
    });
}

#[test]
fn on_a_storage_that_answers_later() {
    soaking::in_own_process("hostile::on_a_storage_that_answers_later", || {
        soak(|it| StorageKind::Remote.set(it));
    });
}
