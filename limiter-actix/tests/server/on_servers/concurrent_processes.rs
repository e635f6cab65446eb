//! Limits of concurrent requests over several processes: exact, and with leases that end by themselves.

use std::{
    env,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpResponse,
    dev::{Service, ServiceResponse},
    rt::{task::spawn_blocking, time::sleep},
    test::init_service,
    web,
};
use limiter_actix::{
    Key, Limit, Limiter,
    storage::{RedisStorage, Resilient, Storage},
};
use limiter_test_servers::{Cluster, Mongo, Redis};
use limiter_test_support::app::request;

use super::mongodb;

/// Set in a process that a test runs: the address of the storage, the lease in milliseconds, and the limit.
const TASK: &str = "LIMITER_TEST_CONCURRENT";

/// Longer than the default, since a deadline on a busy machine is no fault of the limiter.
const DEADLINE: Duration = Duration::from_secs(30);

/// The default, which no test waits for.
const LONG: Duration = Duration::from_secs(30);

const SHORT: Duration = Duration::from_secs(3);

fn limiter(uri: &str, lease: Duration, amount: u64) -> Limiter {
    fn guarded(storage: impl Storage + 'static) -> Arc<dyn Storage> {
        Arc::new(Resilient::new(storage).deadline(DEADLINE))
    }
    let storage = if uri.starts_with("mongodb") {
        guarded(mongodb(uri))
    } else {
        guarded(RedisStorage::new(uri).expect("an address"))
    };
    let limit = Limit::concurrent(amount).name("all");
    let limiter = Limiter::builder().storage(storage).lease(lease).application_limits(limit);
    limiter.key(|_| Key::text("k", "c1")).build().expect("a limiter")
}

async fn app(
    limiter: &Limiter,
) -> impl Service<actix_http::Request, Response = ServiceResponse<impl Sized + use<>>, Error = actix_web::Error>
+ use<> {
    let ok = web::to(async || HttpResponse::Ok().body("fine"));
    init_service(App::new().wrap(limiter.clone()).default_service(ok)).await
}

/// Is such a process: opens and closes requests as it is told, and prints how many are open.
#[actix_web::test]
async fn holds_requests_as_one_of_several_processes() {
    let Ok(task) = env::var(TASK) else { return };
    let [uri, lease, amount] = task.split(' ').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let lease = Duration::from_millis(lease.parse().expect("a number"));
    let limiter = limiter(uri, lease, amount.parse().expect("a number"));
    let app = app(&limiter).await;
    let mut open = Vec::new();
    loop {
        // The requests stay under way meanwhile, and their leases are renewed.
        let line = spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        let line = line.await.expect("a thread").expect("a line");
        match line.trim().parse::<usize>() {
            Ok(0) => open.clear(),
            Ok(number) => {
                for _ in 0..number {
                    let response = app.call(request("GET", "/").to_request()).await.expect("a response");
                    assert!([200, 429].contains(&response.status().as_u16()));
                    open.extend(Some(response).filter(|response| response.status() == 200));
                }
            }
            Err(_) => return,
        }
        println!("\nopen: {}", open.len());
    }
}

/// Such a process. It is killed when this is dropped.
struct Program {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(uri: &str, lease: Duration, amount: u64) -> Self {
        let mut command = Command::new(env::current_exe().expect("this program"));
        let name = "on_servers::concurrent_processes::holds_requests_as_one_of_several_processes";
        command.args(["--exact", name, "--nocapture"]);
        command.env(TASK, format!("{uri} {} {amount}", lease.as_millis()));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        let input = process.stdin.take().expect("its input");
        let output = BufReader::new(process.stdout.take().expect("its output")).lines();
        Self { process, input, output }
    }

    /// Tells it to open so many requests, or to close all.
    fn tell(&mut self, number: usize) {
        writeln!(self.input, "{number}").expect("it reads");
    }

    /// Returns how many of its requests are open.
    fn open(&mut self) -> usize {
        let line =
            self.output.find_map(|line| line.expect("a line").strip_prefix("open: ").map(str::to_owned));
        line.expect("it goes on").parse().expect("a number")
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("it runs").success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Returns how many more requests the limit admits.
async fn left(limiter: &Limiter) -> u64 {
    limiter.window("all", &Key::text("k", "c1")).await.expect("a window").remaining()
}

/// Waits until so many are left, and never fewer than `least`.
async fn wait_for_left(limiter: &Limiter, expected: u64, least: u64) {
    for _ in 0..3000 {
        let left = left(limiter).await;
        if left == expected {
            return;
        }
        assert!(left >= least, "{left} left, not {least}");
        sleep(Duration::from_millis(20)).await;
    }
    panic!("not {expected} left in a minute");
}

/// Binds the limit by its name.
async fn known(uri: &str, lease: Duration, amount: u64) -> Limiter {
    let limiter = limiter(uri, lease, amount);
    let app = app(&limiter).await;
    drop(app.call(request("GET", "/").to_request()).await.expect("a response"));
    wait_for_left(&limiter, amount, 0).await;
    limiter
}

/// Eight processes open ten requests each, and the limit is twenty.
async fn exactly_the_amount_are_under_way(uri: &str) {
    let limiter = known(uri, LONG, 20).await;
    let mut programs: Vec<_> = (0..8).map(|_| Program::start(uri, LONG, 20)).collect();
    for _ in 0..3 {
        for program in &mut programs {
            program.tell(10);
        }
        let open: usize = programs.iter_mut().map(Program::open).sum();
        assert_eq!(open, 20);
        assert_eq!(left(&limiter).await, 0);
        for program in &mut programs {
            program.tell(0);
        }
        assert_eq!(programs.iter_mut().map(Program::open).sum::<usize>(), 0);
        wait_for_left(&limiter, 20, 0).await;
    }
}

/// Its requests may be under way until the lease ends.
async fn a_killed_process_frees_what_it_held(uri: &str) {
    let limiter = known(uri, SHORT, 3).await;
    let mut program = Program::start(uri, SHORT, 3);
    let before = Instant::now();
    program.tell(3);
    assert_eq!(program.open(), 3);
    drop(program);
    let app = app(&limiter).await;
    loop {
        let response = app.call(request("GET", "/").to_request()).await.expect("a response");
        if response.status() == 200 {
            break;
        }
        assert!(before.elapsed() < Duration::from_secs(60), "it was never freed");
        sleep(Duration::from_millis(10)).await;
    }
    assert!(before.elapsed() >= SHORT, "after {:?}", before.elapsed());
}

/// It is stopped for longer than its leases, and continues.
async fn a_stopped_process_does_not_count_twice(uri: &str) {
    let limiter = known(uri, SHORT, 3).await;
    let mut program = Program::start(uri, SHORT, 3);
    program.tell(1);
    assert_eq!(program.open(), 1);
    assert_eq!(left(&limiter).await, 2);
    program.signal("-STOP");
    wait_for_left(&limiter, 3, 2).await;
    program.signal("-CONT");
    wait_for_left(&limiter, 2, 2).await;
    // For some renewals.
    let begun = Instant::now();
    while begun.elapsed() < 2 * SHORT {
        assert!(left(&limiter).await >= 2, "it counts twice");
        sleep(Duration::from_millis(50)).await;
    }
    program.tell(0);
    assert_eq!(program.open(), 0);
    wait_for_left(&limiter, 3, 2).await;
}

#[actix_web::test]
async fn on_redis() {
    let server = Redis::start();
    exactly_the_amount_are_under_way(&server.uri()).await;
    a_killed_process_frees_what_it_held(&server.uri()).await;
    a_stopped_process_does_not_count_twice(&server.uri()).await;
}

#[actix_web::test]
async fn on_a_cluster() {
    let server = Cluster::start();
    exactly_the_amount_are_under_way(&server.uri()).await;
    a_killed_process_frees_what_it_held(&server.uri()).await;
}

#[actix_web::test]
async fn on_mongodb() {
    let server = Mongo::start();
    exactly_the_amount_are_under_way(&server.uri()).await;
    a_killed_process_frees_what_it_held(&server.uri()).await;
    a_stopped_process_does_not_count_twice(&server.uri()).await;
}
