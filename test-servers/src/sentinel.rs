use std::fs;

use crate::{
    Process, Proxy, Redis, free_port,
    redis::{ask, start},
    wait_until,
};

/// A primary, a replica and sentinels that watch over them under the name `main`.
#[derive(Debug)]
pub struct Sentinel {
    /// The primary at first, then its replica.
    pub servers: [Redis; 2],
    /// The ways to the servers, if clients, sentinels and replicas use such.
    pub proxies: Vec<Proxy>,
    sentinels: Vec<(Process, u16)>,
}

impl Sentinel {
    /// Starts a primary, a replica and three sentinels, and waits until all know each other. They promote the replica when
    /// [a test wants it](Self::fail_over): a busy machine is no reason for them.
    pub fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// Starts them with further options for the servers, and further lines for the configuration of the
    /// sentinels.
    pub fn start_with(options: &[&str], lines: &[&str]) -> Self {
        let primary = Redis::start_with(&[&PROMPT[..], options].concat());
        let port = primary.port();
        let of_primary = replica_of(port);
        let of_primary: Vec<_> = of_primary.iter().map(String::as_str).collect();
        let replica = Redis::start_with(&[&of_primary[..], options].concat());
        Self::watch([primary, replica], port, &[lines, &PATIENT].concat())
    }

    /// Starts them with a proxy before each of the servers, which clients, sentinels and replicas use. They promote the
    /// replica when the primary does not answer for half a second. It blocks the thread, so the runtime needs others.
    pub async fn start_behind_proxies() -> Self {
        let ports = [free_port(), free_port()];
        let proxies = [Proxy::start(ports[0]).await, Proxy::start(ports[1]).await];
        let announced = proxies.each_ref().map(|proxy| proxy.port().to_string());
        let announce = |place: usize| {
            ["--replica-announce-ip", "127.0.0.1", "--replica-announce-port", &announced[place]]
        };
        let primary = Redis::start_at(ports[0], &[&PROMPT[..], &announce(0)[..]].concat());
        let of_primary = replica_of(proxies[0].port());
        let of_primary = of_primary.iter().map(String::as_str);
        let options: Vec<_> = PROMPT.into_iter().chain(of_primary).chain(announce(1)).collect();
        let replica = Redis::start_at(ports[1], &options);
        let mut this = Self::watch([primary, replica], proxies[0].port(), &HASTY);
        this.proxies = proxies.into();
        this
    }

    /// Starts sentinels of servers, of which the first is the primary and listens on this port.
    fn watch(servers: [Redis; 2], port: u16, lines: &[&str]) -> Self {
        let sentinels = (0..3).map(|_| sentinel(&port.to_string(), lines)).collect();
        let this = Self { servers, proxies: Vec::new(), sentinels };
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

    /// Lets a frozen sentinel go on.
    pub fn thaw_sentinel(&self, place: usize) {
        self.sentinels[place].0.thaw();
    }

    /// Returns which of the servers all sentinels name as the primary, if they agree.
    ///
    /// # Panics
    ///
    /// When the servers are behind no proxies.
    pub fn primary(&self) -> Option<usize> {
        let is_named = |place: &usize| {
            let named = field(&format!("\r\n{}", self.proxies[*place].port()));
            self.sentinels.iter().all(|(_, port)| {
                ask(*port, "SENTINEL GET-MASTER-ADDR-BY-NAME main").is_some_and(|it| it.contains(&named))
            })
        };
        (0..self.servers.len()).find(is_named)
    }

    /// Whether all sentinels take the primary for well, and none is about to promote the replica.
    pub fn is_calm(&self) -> bool {
        // Anything that is wrong is a further word of the flags, such as `s_down` or `failover_in_progress`.
        let well = field("\r\nflags\r\n$6\r\nmaster");
        self.sentinels
            .iter()
            .all(|(_, port)| ask(*port, "SENTINEL MASTERS").is_some_and(|answer| answer.contains(&well)))
    }

    /// Makes a server the replica of the other one, as the sentinels do in the end.
    pub fn demote(&self, place: usize) {
        let primary = self.proxies[1 - place].port();
        // A server that does not answer is demoted by the sentinels, once it does.
        let _answer = ask(self.servers[place].port(), &format!("REPLICAOF 127.0.0.1 {primary}"));
    }

    /// Makes the sentinels promote the replica, even if the primary is well, and waits until they have.
    pub fn fail_over(&self) {
        let port = self.sentinels[0].1;
        wait_until("the sentinel begins to fail over", || {
            ask(port, "SENTINEL FAILOVER main").is_some_and(|answer| answer.starts_with("+OK"))
        });
        let promoted = field(&format!("\r\n{}", self.servers[1].port()));
        for (_, port) in &self.sentinels {
            wait_until("the sentinels name the promoted replica", || {
                ask(*port, "SENTINEL GET-MASTER-ADDR-BY-NAME main")
                    .is_none_or(|answer| answer.contains(&promoted))
            });
        }
    }
}

/// For so long, no sentinel takes a server for dead, or gives a promotion up.
const PATIENT: [&str; 2] =
    ["sentinel down-after-milliseconds main 600000", "sentinel failover-timeout main 180000"];

const HASTY: [&str; 2] = ["sentinel down-after-milliseconds main 500", "sentinel failover-timeout main 2000"];

/// Replicas of it follow without a delay.
const PROMPT: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

fn replica_of(primary: u16) -> [String; 3] {
    ["--replicaof".into(), "127.0.0.1".into(), primary.to_string()]
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
        let lines = [&[&*monitor], lines].concat();
        fs::write(&file, lines.join("\n") + "\n").expect("there is room for a file");
        command.arg(file).args(["--sentinel", "--port", &port.to_string()]);
    });
    wait_until("the sentinel answers", || ask(port, "PING").is_some());
    (process, port)
}
