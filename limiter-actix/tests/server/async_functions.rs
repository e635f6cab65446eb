//! Async functions and lookups behind real connections.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpServer,
    dev::ServiceRequest,
    guard,
    rt::task::yield_now,
    web::{self, ServiceConfig},
};
use limiter_actix::{Key, Limit, Limiter, Limits, Lookup, LookupError, Quota, Rule, ScopeExt, resource};
use limiter_test_support::{
    client::Client,
    play::{header, ruled},
    server::{Server, serve},
    storages::StorageKind,
};
use tokio::sync::Semaphore;

/// The number of calls of a source, of functions that wait for it, and of those that ended, in whatever way.
#[derive(Default)]
struct Counts {
    lookups: AtomicUsize,
    waiting: AtomicUsize,
    ended: AtomicUsize,
}

/// Counts the end of a function, also when it is dropped.
struct Ended(Arc<Counts>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, SeqCst);
    }
}

/// Serves `/`, limited by what the source knows of the user in the header `user`, and by 3 a day otherwise.
fn serve_by_plan(lookup: &Lookup<String, u64>, counts: &Arc<Counts>, deadline: Duration) -> Server {
    let (lookup, counts) = (lookup.clone(), Arc::clone(counts));
    let by_plan = async move |req: &ServiceRequest| {
        let user = header(req, "user").unwrap_or_default();
        let _ended = Ended(Arc::clone(&counts));
        counts.waiting.fetch_add(1, SeqCst);
        Ok::<_, LookupError>(Quota::per_day(lookup.get(user).await?))
    };
    let limiter =
        Limiter::builder().default_limits("3/day").function_deadline(deadline).build().expect("valid");
    let limit = Limit::dynamic_async(by_plan);
    serve(move |listener| {
        let app = move || {
            let index = resource("/", limit.clone(), |it| it.to(async || "hello"));
            App::new().wrap(limiter.clone()).service(index)
        };
        // A client that has hung up ends its request.
        Ok(HttpServer::new(app).workers(2).h1_allow_half_closed(false).listen(listener)?.run())
    })
}

fn get_as(client: &mut Client, user: &str) -> u16 {
    client.ask("GET", "/", &[("user", user)]).status
}

/// Waits for something that happens soon. The time is generous.
fn wait_until(what: &str, happened: impl Fn() -> bool) {
    let since = Instant::now();
    while !happened() {
        assert!(since.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The deadline ends the wait, and the default limits hold.
#[test]
fn a_source_that_never_answers_stops_no_request() {
    let lookup = Lookup::new(|_| pending::<Result<u64, String>>());
    let server = serve_by_plan(&lookup, &Arc::default(), Duration::from_millis(20));
    let mut client = Client::connect(server.address);
    let statuses: Vec<u16> = (0..5).map(|_| get_as(&mut client, "ada")).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

#[test]
fn a_source_that_panics_stops_no_request() {
    let lookup = Lookup::new(async |user: String| match user.as_str() {
        "ada" => Ok::<_, String>(9),
        _ => panic!("no table"),
    });
    let server = serve_by_plan(&lookup, &Arc::default(), Duration::from_secs(60));
    let mut client = Client::connect(server.address);
    let statuses: Vec<u16> = (0..5).map(|_| get_as(&mut client, "bob")).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(get_as(&mut client, "ada"), 200);
}

/// A source that answers once it may.
fn gated(counts: &Arc<Counts>, gate: &Arc<Semaphore>) -> Lookup<String, u64> {
    let (counts, gate) = (Arc::clone(counts), Arc::clone(gate));
    Lookup::new(move |_| {
        counts.lookups.fetch_add(1, SeqCst);
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.map_err(|error| error.to_string())?.forget();
            Ok::<_, String>(1000)
        }
    })
    .deadline(Duration::from_secs(60))
}

#[test]
fn a_hundred_requests_at_once_cause_one_lookup() {
    let (counts, gate) = (Arc::<Counts>::default(), Arc::new(Semaphore::new(0)));
    let server = serve_by_plan(&gated(&counts, &gate), &counts, Duration::from_secs(60));
    let mut clients: Vec<Client> = (0..100).map(|_| Client::connect(server.address)).collect();
    for client in &mut clients {
        client.send("GET", "/", &[("user", "ada")]);
    }
    wait_until("all requests wait", || counts.waiting.load(SeqCst) == 100);
    gate.add_permits(100);
    let statuses: Vec<u16> = clients.iter_mut().map(|client| client.read(false).status).collect();
    assert_eq!(statuses, [200; 100]);
    assert_eq!(counts.lookups.load(SeqCst), 1);
}

/// The client that began a lookup hangs up. The lookup goes on for others, and nothing of the client is left.
#[test]
fn a_client_that_hangs_up_ends_no_lookup() {
    let (counts, gate) = (Arc::<Counts>::default(), Arc::new(Semaphore::new(0)));
    let lookup = gated(&counts, &gate);
    let server = serve_by_plan(&lookup, &counts, Duration::from_secs(60));
    let mut first = Client::connect(server.address);
    first.send("GET", "/", &[("user", "ada")]);
    wait_until("the lookup begins", || counts.lookups.load(SeqCst) == 1);
    let mut second = Client::connect(server.address);
    second.send("GET", "/", &[("user", "ada")]);
    wait_until("another waits for it", || counts.waiting.load(SeqCst) == 2);
    drop(first);
    wait_until("the request of the first is dropped", || counts.ended.load(SeqCst) == 1);
    gate.add_permits(1);
    assert_eq!(second.read(false).status, 200);
    assert_eq!(get_as(&mut second, "ada"), 200);
    assert_eq!((counts.lookups.load(SeqCst), lookup.len()), (1, 1));
    assert_eq!(counts.waiting.load(SeqCst), counts.ended.load(SeqCst));
}

/// Whoever makes up keys fills no memory, and waits no longer than others.
#[test]
fn a_flood_of_keys_is_bounded() {
    let counts = Arc::<Counts>::default();
    let counter = Arc::clone(&counts);
    let lookup = Lookup::new(move |_| {
        counter.lookups.fetch_add(1, SeqCst);
        async { Ok::<_, String>(5) }
    });
    let lookup = lookup.capacity(20);
    let server = serve_by_plan(&lookup, &counts, Duration::from_secs(60));
    let mut client = Client::connect(server.address);
    let statuses: Vec<u16> = (0..500).map(|user| get_as(&mut client, &user.to_string())).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        5,
        "one client, one count of 5 a day"
    );
    assert_eq!(counts.lookups.load(SeqCst), 500);
    assert!(lookup.len() <= 20, "{}", lookup.len());
}

/// With a time to live of zero, each request tries the source.
#[test]
fn the_last_value_stays_while_the_source_fails() {
    static FAILS: AtomicBool = AtomicBool::new(false);
    let lookup =
        Lookup::new(async |_: String| if FAILS.load(SeqCst) { Err("no database") } else { Ok(1000) });
    let lookup = lookup.time_to_live(Duration::ZERO);
    let server = serve_by_plan(&lookup, &Arc::default(), Duration::from_secs(60));
    let mut client = Client::connect(server.address);
    assert_eq!(get_as(&mut client, "ada"), 200);
    FAILS.store(true, SeqCst);
    let statuses =
        |client: &mut Client, user: &str| -> Vec<u16> { (0..5).map(|_| get_as(client, user)).collect() };
    assert_eq!(statuses(&mut client, "ada"), [200; 5], "by the last plan");
    assert_eq!(statuses(&mut client, "bob"), [200, 200, 200, 429, 429], "he has no last plan");
}

/// The user in the header `user`, after some time.
async fn user(req: &ServiceRequest) -> Result<Option<Key>, &'static str> {
    yield_now().await;
    match header(req, "user") {
        Some("error") => Err("no database"),
        user => Ok(user.map(|user| Key::text("user", user))),
    }
}

fn routes(app: &mut ServiceConfig) {
    let by_user = |amount| Limit::new(Quota::per_day(amount)).key_async(user);
    let guarded = |host, rule: Rule| {
        let page = web::resource("/x").to(async || "hello");
        web::scope("/p").guard(guard::Header("x-host", host)).service(page).rule(rule)
    };
    app.service(ruled("/key", by_user(1), "key"))
        .service(ruled(
            "/both",
            Limits::from([by_user(2), Limit::new(Quota::per_day(1)).key(header_x)]),
            "both",
        ))
        .service(ruled("/shadow", by_user(1).shadow(true).override_defaults(false), "shadow"))
        .service(guarded("one", by_user(1).into()))
        .service(guarded("two", Rule::new()))
        .service(guarded("three", by_user(2).into()));
}

fn header_x(req: &ServiceRequest) -> Option<Key> {
    header(req, "x").map(|x| Key::text("x", x))
}

/// On each storage, and while it fails.
#[test]
fn async_keys_hold_on_all_storages() {
    for kind in StorageKind::ALL {
        let limiter = kind.set(Limiter::builder()).default_limits("4/day").build().expect("valid");
        let server = serve(move |listener| {
            let app = move || App::new().wrap(limiter.clone()).configure(routes);
            Ok(HttpServer::new(app).workers(1).listen(listener)?.run())
        });
        let mut client = Client::connect(server.address);
        for (target, headers, expected) in [
            ("/key", &[("user", "ada")][..], 200),
            ("/key", &[("user", "ada")], 429),
            ("/key", &[("user", "bob")], 200),
            // By the address.
            ("/key", &[], 200),
            ("/key", &[], 429),
            // By the default limit.
            ("/key", &[("user", "error")], 200),
            // All or nothing.
            ("/both", &[("user", "ada"), ("x", "1")], 200),
            ("/both", &[("user", "ada"), ("x", "1")], 429),
            ("/both", &[("user", "ada"), ("x", "2")], 200),
            ("/both", &[("user", "ada"), ("x", "3")], 429),
            ("/shadow", &[("user", "ada")], 200),
            ("/shadow", &[("user", "ada")], 200),
            ("/shadow", &[("user", "error")], 200),
            ("/shadow", &[("user", "error")], 200),
            ("/shadow", &[("user", "ada")], 429),
            // Behind guards.
            ("/p/x", &[("x-host", "three"), ("user", "ada")], 200),
            ("/p/x", &[("x-host", "three"), ("user", "ada")], 200),
            ("/p/x", &[("x-host", "three"), ("user", "ada")], 429),
            ("/p/x", &[("x-host", "one"), ("user", "ada")], 200),
            ("/p/x", &[("x-host", "one"), ("user", "ada")], 429),
            ("/p/x", &[("x-host", "two"), ("user", "ada")], 200),
            ("/p/x", &[("x-host", "one"), ("user", "bob")], 200),
        ] {
            assert_eq!(client.ask("GET", target, headers).status, expected, "{kind:?}: {target} {headers:?}");
        }
    }
}
