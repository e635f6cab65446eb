//! Three processes with one Redis.
#![cfg(feature = "redis")]

use std::{
    env,
    io::{BufRead, BufReader, Read},
    net::IpAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use actix_web::rt::time::sleep;
use limiter_actix::Limiter;
use limiter_test_servers::Redis;

use crate::{HOUR, app, get_from};

/// Set in the processes that the test runs: the address of the storage.
const STORAGE: &str = "LIMITER_TEST_STORAGE";

const ALICE: &str = "192.0.2.1";

fn limiter(uri: &str) -> Limiter {
    // On a busy machine, the first call of a connection takes longer than the default.
    let limiter = Limiter::builder().storage_uri(uri).storage_deadline(Duration::from_secs(30));
    limiter.build().expect("a limiter")
}

/// Is such a process: sends requests until they are refused, and prints both.
#[actix_web::test]
async fn is_one_of_three_processes() {
    let Ok(uri) = env::var(STORAGE) else { return };
    let app = app(&limiter(&uri)).await;
    assert_eq!(get_from(&app, ALICE).await, 200);
    println!("\nready");
    while get_from(&app, ALICE).await != 403 {
        sleep(Duration::from_millis(20)).await;
    }
    println!("\nbanned");
}

/// A process, and what it prints.
struct Program(Child, BufReader<std::process::ChildStdout>);

impl Program {
    fn start(uri: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", "processes::is_one_of_three_processes", "--nocapture"]);
        let mut child = command.env(STORAGE, uri).stdout(Stdio::piped()).spawn().expect("it runs");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self(child, output)
    }

    fn wait_for(&mut self, word: &str) {
        let mut lines = self.1.by_ref().lines();
        assert!(lines.any(|line| line.expect("a line") == word), "it ended before it was {word}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Each reads the bans once a second, so that the time this takes is the interval and one read. That of a busy machine
/// is not asserted.
#[actix_web::test]
async fn a_ban_of_one_process_holds_in_three() {
    let server = Redis::start();
    let uri = server.uri();
    let mut programs = [(); 3].map(|()| Program::start(&uri));
    for program in &mut programs {
        program.wait_for("ready");
    }
    let begun = Instant::now();
    let alice: IpAddr = ALICE.parse().expect("an address");
    limiter(&uri).ban(alice, HOUR, "scraping").await.expect("a ban");
    for program in &mut programs {
        program.wait_for("banned");
    }
    println!("all three had the ban after {:?}", begun.elapsed());
}
