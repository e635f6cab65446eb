//! What a request costs a server in CPU time, by the kernel's accounting, beside peers in the same run.
//!
//! Each side is a process of its own with one worker, which a client on other cores asks over a few
//! connections. The sides take turns; printed are medians of microseconds a request, and what they are above
//! the bare server of the same routes.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use actix_extensible_rate_limit::{
    RateLimiter,
    backend::{SimpleInputFunctionBuilder, memory::InMemoryBackend},
};
use actix_governor::{Governor, GovernorConfigBuilder};
use actix_web::{App, HttpServer, rt, web};
use limiter_actix::{Headers, Limiter, LimiterBuilder};

const ROUNDS: usize = 9;
const REQUESTS: usize = 4_000;
const CONNECTIONS: usize = 8;

/// Named by what stands before the first space: how it answers, and how many routes it has.
const SIDES: &[&str] = &[
    "bare",
    "ours-exempt",
    "ours",
    "ours-x-ratelimit",
    "ours-ietf",
    "ours-refused",
    "governor",
    "governor-headers",
    "governor-refused",
    "extensible",
    "extensible-headers",
    "extensible-refused",
    "bare-60",
    "ours-60",
    "bare-500",
    "ours-500",
];

fn main() {
    if let Ok(side) = env::var("SIDE") {
        rt::System::new().block_on(serve(&side)).expect("it can be served");
        return;
    }
    // `cargo test` runs a bench once to see that it works.
    let is_bench = env::args().any(|arg| arg == "--bench");
    let (rounds, requests) = if is_bench { (ROUNDS, REQUESTS) } else { (1, 100) };
    let mut servers: Vec<Server> = SIDES.iter().map(|side| Server::start(side)).collect();
    let mut figures = vec![Vec::new(); SIDES.len()];
    for _ in 0..=rounds {
        for (server, figures) in servers.iter_mut().zip(&mut figures) {
            figures.push(server.micros_a_request(requests));
        }
    }
    println!("us of CPU a request (median of {rounds})");
    // The first round is to warm up.
    let medians: Vec<f64> = figures.into_iter().map(|figures| median(figures[1..].to_vec())).collect();
    for (side, figure) in SIDES.iter().zip(&medians) {
        let bare = match side.rsplit_once('-') {
            Some((_, "60")) => "bare-60",
            Some((_, "500")) => "bare-500",
            _ => "bare",
        };
        let bare = SIDES.iter().position(|other| *other == bare).map_or(f64::NAN, |place| medians[place]);
        println!("{side:<22}{figure:>8.2}{:>+8.2}", figure - bare);
    }
}

/// Serves one side until its process is killed; says first where it listens.
async fn serve(side: &str) -> std::io::Result<()> {
    let plenty = 1_000_000_000;
    let limits = format!("{plenty}/hour; {plenty}/day");
    let ours = |options: fn(LimiterBuilder) -> LimiterBuilder| {
        options(Limiter::builder().default_limits(limits.as_str())).build().expect("these limits are right")
    };
    let governor = |amount: u32| {
        let mut config = GovernorConfigBuilder::default();
        config.seconds_per_request(if amount == 1 { 3600 } else { 1 }).burst_size(amount);
        config
    };
    let extensible = |amount: u64, headers: bool| {
        let input = SimpleInputFunctionBuilder::new(Duration::from_secs(3600), amount).peer_ip_key().build();
        let builder = RateLimiter::builder(InMemoryBackend::builder().build(), input);
        if headers { builder.add_headers().build() } else { builder.build() }
    };
    macro_rules! run {
        ($server:expr) => {{
            let server = $server.workers(1).bind("127.0.0.1:0")?;
            println!("{}", server.addrs()[0]);
            server.run()
        }};
    }
    macro_rules! app {
        ($routes:expr) => {
            run!(HttpServer::new(move || App::new().configure($routes)))
        };
        ($routes:expr, $make:expr) => {{
            let made = $make;
            run!(HttpServer::new(move || App::new().wrap(made.clone()).configure($routes)))
        }};
    }
    match side {
        "bare" => app!(few),
        "ours-exempt" => app!(few, ours(|it| it.exempt_scope("/"))),
        "ours" => app!(few, ours(|it| it)),
        "ours-x-ratelimit" => app!(few, ours(|it| it.headers(true))),
        "ours-ietf" => app!(few, ours(|it| it.headers(Headers::IETF_DRAFT_11))),
        "ours-refused" => app!(few, ours(|it| it.application_limits("0/hour"))),
        "governor" => {
            let config = governor(plenty).finish().expect("it is right");
            run!(HttpServer::new(move || App::new().wrap(Governor::new(&config)).configure(few)))
        }
        "governor-headers" => {
            let config = governor(plenty).use_headers().finish().expect("it is right");
            run!(HttpServer::new(move || App::new().wrap(Governor::new(&config)).configure(few)))
        }
        "governor-refused" => {
            let config = governor(1).finish().expect("it is right");
            run!(HttpServer::new(move || App::new().wrap(Governor::new(&config)).configure(few)))
        }
        "extensible" => run!(HttpServer::new(move || {
            App::new().wrap(extensible(plenty.into(), false)).configure(few)
        })),
        "extensible-headers" => {
            run!(HttpServer::new(move || { App::new().wrap(extensible(plenty.into(), true)).configure(few) }))
        }
        "extensible-refused" => {
            run!(HttpServer::new(move || App::new().wrap(extensible(0, false)).configure(few)))
        }
        "bare-60" => app!(|app| many(app, 60)),
        "ours-60" => app!(|app| many(app, 60), ours(|it| it)),
        "bare-500" => app!(|app| many(app, 500)),
        "ours-500" => app!(|app| many(app, 500), ours(|it| it)),
        _ => panic!("there is no side {side}"),
    }
    .await
}

fn few(app: &mut web::ServiceConfig) {
    app.route("/hello/0", web::get().to(hello));
}

/// Half of them dynamic; the one that is asked for stands last.
fn many(app: &mut web::ServiceConfig, routes: usize) {
    for route in 1..routes / 2 {
        app.route(&format!("/fixed/{route}"), web::get().to(hello));
        app.route(&format!("/things/{route}/{{id}}"), web::get().to(hello));
    }
    app.route("/hello", web::get().to(hello)).route("/hello/{id}", web::get().to(hello));
}

async fn hello() -> &'static str {
    "Hello, world!"
}

struct Server {
    process: Child,
    connections: Vec<BufReader<TcpStream>>,
    has_ids: bool,
    random: u64,
}

impl Server {
    fn start(side: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("it has a path"));
        let mut process = command.env("SIDE", side).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut address = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut address).expect("it says where it listens");
        let connect = |_| TcpStream::connect(address.trim()).map(BufReader::new).expect("it listens");
        let has_ids = side.ends_with('0');
        Self { process, connections: (0..CONNECTIONS).map(connect).collect(), has_ids, random: 7 }
    }

    /// Asks on all connections at once, then reads all answers, again and again.
    fn micros_a_request(&mut self, requests: usize) -> f64 {
        let before = self.cpu_nanos();
        for _ in 0..requests / CONNECTIONS {
            for place in 0..CONNECTIONS {
                let id = if self.has_ids { self.zipf() } else { 0 };
                let request = format!("GET /hello/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n");
                self.connections[place].get_mut().write_all(request.as_bytes()).expect("it listens");
            }
            self.connections.iter_mut().for_each(read_answer);
        }
        #[expect(clippy::cast_precision_loss, reason = "a few seconds of nanoseconds fit")]
        let nanos = (self.cpu_nanos() - before) as f64;
        #[expect(clippy::cast_precision_loss, reason = "so do thousands")]
        let requests = (requests / CONNECTIONS * CONNECTIONS) as f64;
        nanos / 1000.0 / requests
    }

    /// One of 100 000 ids by Zipf's law with s = 1: the continuous law, cut to whole numbers.
    fn zipf(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        #[expect(clippy::cast_precision_loss, reason = "a random fraction")]
        let fraction = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 100 000")]
        let id = 100_000_f64.powf(fraction) as u32;
        id
    }

    /// What all threads of the process have used so far.
    fn cpu_nanos(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("Linux tells");
        let used = |thread: fs::DirEntry| {
            let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0)
        };
        threads.filter_map(Result::ok).map(used).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn read_answer(connection: &mut BufReader<TcpStream>) {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        connection.read_line(&mut line).expect("it answers");
        if line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length is a number");
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).expect("the body comes whole");
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
