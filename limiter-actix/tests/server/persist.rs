//! Counts in memory that a file keeps from one process to the next.

use std::{
    env, fs,
    io::{BufRead, BufReader, Lines},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use limiter_actix::{BuildError, Limit, Limiter, Quota};
use limiter_test_support::{client::Client, log};

/// Set in a process that a test runs: the file, and what the process does at its end.
const TASK: &str = "LIMITER_TEST_STATE";

/// Is such a process: serves requests until it is told to stop, and prints its log.
#[actix_web::test]
async fn serves_as_a_process_with_a_file() {
    let Ok(task) = env::var(TASK) else { return };
    let (end, file) = task.split_once(' ').expect("two words");
    log::capture();
    let limits = [Limit::new(Quota::per_day(10)), Limit::new(Quota::per_year(100)).name("year")];
    let limiter = Limiter::builder().default_limits(limits).headers(true).persist(file);
    let limiter = limiter.build().expect("a limiter");
    println!("\nlog: {:?}", log::everywhere("L045"));
    let own = limiter.clone();
    let app = move || App::new().wrap(limiter.clone()).default_service(web::to(HttpResponse::Ok));
    let server = HttpServer::new(app).workers(2).bind("127.0.0.1:0").expect("a port");
    println!("address: {}", server.addrs()[0]);
    // SIGTERM stops it.
    server.run().await.expect("it serves");
    if end == "flush" {
        own.flush().await.expect("it is written");
        // As if it were killed: nothing else is written.
        std::process::abort();
    }
}

/// Such a process. It is killed when this is dropped.
struct Program {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
    log: String,
}

impl Program {
    fn start(file: &Path, end: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", "persist::serves_as_a_process_with_a_file", "--nocapture"]);
        command.env(TASK, format!("{end} {}", file.display()));
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
        let mut output = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut after = |prefix: &str| {
            let line = output.find_map(|line| line.expect("a line").strip_prefix(prefix).map(str::to_owned));
            line.expect("it goes on")
        };
        let log = after("log: ");
        let address = after("address: ").parse().expect("an address");
        Self { process, output, address, log }
    }

    /// Sends a request; returns what is left of the day.
    fn left(&self) -> u64 {
        let answer = Client::connect(self.address).get("/");
        answer.header("x-ratelimit-remaining").expect("a header").parse().expect("a number")
    }

    /// Stops it by a signal, and waits for its end.
    fn stop(mut self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("it runs").success());
        self.output.by_ref().for_each(drop);
        self.process.wait().expect("it ends");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("limiter-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("limits.state")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Each process draws other secrets, so the file is of use only if its own are adopted in time.
#[test]
fn counts_outlive_their_process() {
    let folder = Folder::new("outlive");
    let first = Program::start(&folder.file(), "drop");
    assert_eq!([first.left(), first.left()], [9, 8]);
    assert_eq!(first.log, "[]", "a file that is missing is no error");
    first.stop("-TERM");
    let second = Program::start(&folder.file(), "flush");
    assert_eq!(second.left(), 7, "written when the server has stopped");
    second.stop("-TERM");
    let third = Program::start(&folder.file(), "drop");
    assert_eq!(third.left(), 6, "written by `flush`");
    third.stop("-KILL");
    let fourth = Program::start(&folder.file(), "drop");
    assert_eq!(fourth.left(), 6, "what was counted since is lost");
    fourth.stop("-TERM");
}

#[test]
fn a_damaged_file_is_logged_and_replaced() {
    let folder = Folder::new("damaged");
    let first = Program::start(&folder.file(), "drop");
    assert_eq!(first.left(), 9);
    first.stop("-TERM");
    let mut file = fs::read(folder.file()).expect("a file");
    let middle = file.len() / 2;
    file[middle] ^= 1;
    fs::write(folder.file(), file).expect("a file");
    let second = Program::start(&folder.file(), "drop");
    assert!(second.log.contains("a checksum differs") && second.log.contains("WARN"), "{}", second.log);
    assert_eq!(second.left(), 9, "counts begin at zero");
    second.stop("-TERM");
    let third = Program::start(&folder.file(), "drop");
    assert_eq!((third.left(), &*third.log), (8, "[]"));
}

/// The new process begins with what the old one had written, and owns the file once that has ended.
#[test]
fn processes_that_overlap_do_not_overwrite_each_other() {
    let folder = Folder::new("overlap");
    let first = Program::start(&folder.file(), "drop");
    let second = Program::start(&folder.file(), "drop");
    assert!(second.log.contains("another process"), "{}", second.log);
    assert_eq!([first.left(), first.left(), second.left()], [9, 8, 9]);
    second.stop("-TERM");
    assert!(!folder.file().exists(), "the other has written nothing");
    first.stop("-TERM");
    assert_eq!(Program::start(&folder.file(), "drop").left(), 7);
}

/// Where it has no effect.
#[test]
fn a_file_for_counts_elsewhere_is_an_error() {
    let folder = Folder::new("elsewhere");
    let storage = limiter_test_support::storages::StorageKind::Remote;
    let error = storage.set(Limiter::builder().persist(folder.file())).build().expect_err("no effect");
    assert_eq!(error, BuildError::PersistWithoutEffect);
}
