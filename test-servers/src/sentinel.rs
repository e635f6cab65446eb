use std::fs;

use crate::{
    Process, Redis, free_port,
    redis::{ask, start},
    wait_until,
};

/// A primary, a replica and sentinels that watch over them under the name `main`.
#[derive(Debug)]
pub struct Sentinel {
    /// The primary at first, then its replica.
    pub servers: [Redis; 2],
    sentinels: Vec<(Process, u16)>,
}

impl Sentinel {
    /// Starts a primary, a replica and three sentinels, and waits until all know each other.
    pub fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// Starts them with further options for the servers, and further lines for the configuration of the
    /// sentinels.
    pub fn start_with(options: &[&str], lines: &[&str]) -> Self {
        let primary = Redis::start_with(&[&["--repl-diskless-sync-delay", "0"], options].concat());
        let port = primary.port().to_string();
        let replica = Redis::start_with(&[&["--replicaof", "127.0.0.1", &port], options].concat());
        let sentinels = (0..3).map(|_| sentinel(&port, lines)).collect();
        let this = Self { servers: [primary, replica], sentinels };
        for (_, port) in &this.sentinels {
            let knows = |what: &str| {
                ask(*port, "SENTINEL MASTERS").is_some_and(|answer| answer.contains(&field(what)))
            };
            wait_until("the sentinels know each other and the replica", || {
                knows("num-slaves\r\n$1\r\n1") && knows("num-other-sentinels\r\n$1\r\n2")
            });
        }
        this
    }

    /// The address of the primary, whichever it is, by that of its sentinels.
    pub fn uri(&self) -> String {
        let sentinels: Vec<_> = self.sentinels.iter().map(|(_, port)| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/main", sentinels.join(","))
    }

    /// Ends one of the sentinels.
    pub fn kill_sentinel(&mut self, place: usize) {
        self.sentinels[place].0.kill();
    }

    /// Stops one of the sentinels without ending it.
    pub fn freeze_sentinel(&self, place: usize) {
        self.sentinels[place].0.freeze();
    }

    /// Makes the sentinels promote the replica although the primary is well, and waits until they have.
    pub fn fail_over(&self) {
        let port = self.sentinels[0].1;
        wait_until("the sentinel begins to fail over", || {
            ask(port, "SENTINEL FAILOVER main").is_some_and(|answer| answer.starts_with("+OK"))
        });
        self.wait_for_failover();
    }

    /// Waits until the replica was promoted and all running sentinels know it.
    pub fn wait_for_failover(&self) {
        let promoted = field(&format!("\r\n{}", self.servers[1].port()));
        for (_, port) in &self.sentinels {
            wait_until("the sentinels name the promoted replica", || {
                ask(*port, "SENTINEL GET-MASTER-ADDR-BY-NAME main")
                    .is_none_or(|answer| answer.contains(&promoted))
            });
        }
    }
}

fn field(text: &str) -> String {
    format!("{text}\r\n")
}

fn sentinel(primary: &str, lines: &[&str]) -> (Process, u16) {
    let port = free_port();
    let process = start(|folder, command| {
        // It writes to its configuration.
        let file = folder.join("sentinel.conf");
        let monitor = format!("sentinel monitor main 127.0.0.1 {primary} 2");
        let times = ["sentinel down-after-milliseconds main 500", "sentinel failover-timeout main 2000"];
        let lines: Vec<_> =
            [&monitor].into_iter().map(String::as_str).chain(times).chain(lines.iter().copied()).collect();
        fs::write(&file, lines.join("\n") + "\n").expect("there is room for a file");
        command.arg(file).args(["--sentinel", "--port", &port.to_string()]);
    });
    wait_until("the sentinel answers", || ask(port, "PING").is_some());
    (process, port)
}
