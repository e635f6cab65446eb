//! What a server holds while no client is there: descriptors of this process, and tasks of its workers.

use std::{
    fs,
    net::SocketAddr,
    thread::sleep,
    time::{Duration, Instant},
};

use limiter_test_support::client::Client;
use tokio::runtime::Handle;

/// Answers with the number of tasks of the worker.
pub(super) async fn tasks() -> String {
    Handle::current().metrics().num_alive_tasks().to_string()
}

/// What is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    descriptors: usize,
    /// Of the worker with the most.
    tasks: usize,
}

/// Connections and timers that come and go.
const SLACK: usize = 8;

impl Held {
    pub(super) fn now(address: SocketAddr) -> Self {
        // Workers take new connections in turn.
        let tasks = (0..4).map(|_| Client::connect(address).get("/tasks").body.parse().expect("a number"));
        let tasks = tasks.max().expect("there are some");
        let descriptors = fs::read_dir("/proc/self/fd").expect("Linux lists them").count();
        Self { descriptors, tasks }
    }

    /// Waits until nothing is held that was not before. The server closes idle connections after some seconds.
    pub(super) fn expect_again(self, address: SocketAddr) -> Self {
        let start = Instant::now();
        loop {
            let now = Self::now(address);
            if now.descriptors <= self.descriptors + SLACK && now.tasks <= self.tasks + SLACK {
                return now;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "{now:?} are held, and {self:?} were before");
            sleep(Duration::from_millis(200));
        }
    }
}
