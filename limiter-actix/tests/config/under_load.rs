//! Settings change while a server is busy: no request is lost, and each is decided by one version as a whole.

use std::{
    collections::HashSet,
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use actix_web::{App, HttpServer, dev, web};
use limiter_actix::{Limiter, LimiterBuilder};
use limiter_test_support::{
    client::{Answer, Client},
    server::{Server, serve},
};

use crate::Settings;

/// In each version all of header, default limit, route limit and exemption differ.
const VERSIONS: [&str; 2] = [
    "headers = true\nheader_names = { limit = 'x-one' }\ndefault_limits = '1000001/day'\n\
     [routes]\n'/limited' = '1000002/day'\n'/exempt' = { exempt = true }\n",
    "headers = true\nheader_names = { limit = 'x-two' }\ndefault_limits = '2000001/day'\n\
     [routes]\n'/limited' = '2000002/day'\n",
];

/// Begins as the first version does.
const BROKEN: &str =
    "headers = true\nheader_names = { limit = 'x-three' }\ndefault_limits = '3000001/moment'\n";

const PATHS: [&str; 3] = ["/", "/limited", "/exempt"];

/// The limit of each path in each version, as the header shows it.
const EXPECTED: [[Option<(&str, &str)>; 3]; 2] = [
    [Some(("x-one", "1000001")), Some(("x-one", "1000002")), None],
    [Some(("x-two", "2000001")), Some(("x-two", "2000002")), Some(("x-two", "2000001"))],
];

fn shown(answer: &Answer) -> Option<(&str, &str)> {
    ["x-one", "x-two", "x-three", "x-ratelimit-limit"]
        .into_iter()
        .find_map(|name| answer.header(name).map(|value| (name, value)))
}

/// A busy server.
struct Busy {
    limiter: Limiter,
    _server: Server,
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Observations>>,
}

/// The versions that answered, and the number of answers.
#[derive(Default)]
struct Observations {
    answers: usize,
    versions: HashSet<usize>,
}

impl Busy {
    fn new(builder: LimiterBuilder) -> Self {
        let limiter = builder.build().expect("a limiter");
        let shared = limiter.clone();
        let make = move |listener: TcpListener| -> io::Result<dev::Server> {
            let server = HttpServer::new(move || {
                let app = App::new().wrap(shared.clone());
                PATHS.iter().fold(app, |app, path| app.route(path, web::get().to(async || "ok")))
            });
            Ok(server.workers(2).listen(listener)?.run())
        };
        let server = serve(make);
        let (address, is_over) = (server.address, Arc::new(AtomicBool::new(false)));
        let client = || {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || hammer(address, &is_over))
        };
        let clients = (0..4).map(|_| client()).collect();
        Self { limiter, _server: server, address, is_over, clients }
    }

    /// The version that answers now.
    fn version(&self) -> usize {
        let answer = Client::connect(self.address).get("/");
        let version = EXPECTED.iter().position(|expected| expected[0] == shown(&answer));
        version.unwrap_or_else(|| panic!("no version: {answer:?}"))
    }

    fn end(self) -> Observations {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Observations::default();
        for client in self.clients {
            let seen = client.join().expect("each answer is that of one version");
            all.answers += seen.answers;
            all.versions.extend(seen.versions);
        }
        all
    }
}

/// Asks over and over; panics where an answer is missing, refused, or not that of one version.
fn hammer(address: SocketAddr, is_over: &AtomicBool) -> Observations {
    let mut seen = Observations::default();
    let mut client = Client::connect(address);
    while !is_over.load(Ordering::Relaxed) {
        for (index, path) in PATHS.into_iter().enumerate() {
            let answer = client.get(path);
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            let version = EXPECTED.iter().position(|expected| expected[index] == shown(&answer));
            seen.versions.insert(version.unwrap_or_else(|| panic!("{path}: {answer:?}")));
            seen.answers += 1;
        }
    }
    seen
}

#[test]
fn manual_reloads_under_load() {
    let settings = Settings::new(VERSIONS[0]);
    let busy = Busy::new(Limiter::builder().from_file(&settings.path));
    for round in 1..=60 {
        let version = round % 2;
        settings.write(VERSIONS[version]);
        assert_eq!(busy.limiter.reload(), Ok(true));
        assert_eq!(busy.version(), version, "it holds from now on");
        settings.write(BROKEN);
        busy.limiter.reload().expect_err("the file is broken");
        assert_eq!(busy.version(), version, "the settings before hold");
    }
    let seen = busy.end();
    assert_eq!(seen.versions.len(), 2);
    assert!(seen.answers > 120, "{} answers to 120 reloads: the server was not busy", seen.answers);
}

#[test]
fn reloads_by_a_watcher_under_load() {
    let settings = Settings::new(VERSIONS[0]);
    let interval = Duration::from_millis(100);
    let busy = Busy::new(Limiter::builder().from_file(&settings.path).reload_every(interval));
    for round in 1..=6 {
        settings.write(BROKEN);
        let version = round % 2;
        settings.write(VERSIONS[version]);
        let deadline = Instant::now() + Duration::from_secs(30);
        while busy.version() != version {
            assert!(Instant::now() < deadline, "version {version} does not come");
        }
    }
    assert_eq!(busy.end().versions.len(), 2);
}

/// The limits are exact, however often the file is read in between.
#[test]
fn counts_are_exact_over_reloads() {
    let text =
        |other: u32| format!("default_limits = '500/day'\nmeta_limits = '{other}/day'\nheaders = true\n");
    let settings = Settings::new(&text(1_000_000));
    let limiter = Limiter::builder().from_file(&settings.path).build().expect("a limiter");
    let shared = limiter.clone();
    let server = serve(move |listener| {
        let app = move || App::new().wrap(shared.clone()).route("/", web::get().to(async || "ok"));
        Ok(HttpServer::new(app).workers(2).listen(listener)?.run())
    });
    let address = server.address;
    let client = || {
        thread::spawn(move || {
            let mut client = Client::connect(address);
            (0..250).filter(|_| client.get("/").status == 200).count()
        })
    };
    let clients: Vec<_> = (0..4).map(|_| client()).collect();
    let mut reloads = 0;
    while !clients.iter().all(JoinHandle::is_finished) {
        reloads += 1;
        settings.write(&text(1_000_000 + reloads));
        assert_eq!(limiter.reload(), Ok(true));
    }
    let admitted: usize = clients.into_iter().map(|client| client.join().expect("a client")).sum();
    assert_eq!(admitted, 500, "{reloads} reloads");
    assert!(reloads > 1, "the clients were done at once");
}
