use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    ops::{Deref, DerefMut},
    path::Path,
    process::Command,
    time::Duration,
};

use crate::{Certificates, Process, free_port, wait_until};

/// A Redis server, or what `REDIS_SERVER` names, such as a `valkey-server`.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
    /// Where nodes of a cluster talk to each other.
    bus_port: u16,
}

impl Redis {
    /// Starts a server and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with further options of its command line, and waits until it answers; with an error if
    /// it wants a password.
    pub fn start_with(options: &[&str]) -> Self {
        Self::start_at(free_port(), options)
    }

    /// Starts a server on this port.
    pub(crate) fn start_at(port: u16, options: &[&str]) -> Self {
        let process = start(|_, command| {
            command.args(["--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
            // What is sent to replicas is in a file, too, which a server that starts again would read.
            command.args(["--rdb-del-sync-files", "yes"]).args(options);
        });
        let server = Self { process, port, bus_port: 0 };
        server.wait();
        server
    }

    /// Starts a server that speaks TLS only, shows the certificate for servers, and requires one of a client if
    /// it `asks_clients`. Some programs named by `REDIS_SERVER` cannot.
    pub fn start_private(certificates: &Certificates, asks_clients: bool) -> Self {
        let port = free_port();
        let process = start(|folder, command| {
            certificates.write(folder);
            command.args([
                "--port",
                "0",
                "--tls-port",
                &port.to_string(),
                "--save",
                "",
                "--appendonly",
                "no",
            ]);
            command.args(["--tls-auth-clients", if asks_clients { "yes" } else { "no" }]);
            for (option, file) in [
                ("--tls-cert-file", "cert.pem"),
                ("--tls-key-file", "key.pem"),
                ("--tls-ca-cert-file", "ca.pem"),
            ] {
                command.arg(option).arg(folder.join(file));
            }
        });
        wait_until("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { process, port, bus_port: 0 }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn bus_port(&self) -> u16 {
        self.bus_port
    }

    /// Its address.
    pub fn uri(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns a section of its `INFO`, unless it does not answer within a second.
    pub fn info(&self, section: &str) -> Option<String> {
        ask(self.port, &format!("INFO {section}"))
    }

    /// Starts it again on the same port, after it was killed, and waits until it answers.
    pub fn restart(&mut self) {
        self.process.restart();
        self.wait();
    }

    fn wait(&self) {
        wait_until("the server answers", || ask(self.port, "PING").is_some_and(|answer| answers(&answer)));
    }
}

/// Starts a node that is to be part of a cluster.
pub(crate) fn start_node(options: &[&str]) -> Redis {
    start_node_at(free_port(), options)
}

/// Starts such a node on this port.
pub(crate) fn start_node_at(port: u16, options: &[&str]) -> Redis {
    let bus_port = free_port();
    let bus = bus_port.to_string();
    let cluster =
        ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-require-full-coverage", "no"];
    let node = Redis::start_at(port, &[&cluster, options].concat());
    Redis { bus_port, ..node }
}

/// Starts the program. `options` gets its folder, and adds all options but the address and the folder.
pub(crate) fn start(options: impl FnOnce(&Path, &mut Command)) -> Process {
    let program = env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
    let advice = "`apt-get install redis-server` installs it, REDIS_SERVER names another";
    Process::start(
        |folder| {
            let mut command = Command::new(program);
            options(folder, &mut command);
            command.args(["--bind", "127.0.0.1", "--dir"]).arg(folder);
            command
        },
        advice,
    )
}

impl Deref for Redis {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Redis {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// `-LOADING` is no answer yet.
fn answers(answer: &str) -> bool {
    answer.starts_with('+') || answer.starts_with("-NOAUTH")
}

/// Sends a command without blanks in its words to the server on this port; returns the beginning of its answer,
/// as it comes over the wire, unless it does not come within a second.
pub(crate) fn ask(port: u16, command: &str) -> Option<String> {
    ask_within(Duration::from_secs(1), port, command)
}

/// The same with another patience.
pub(crate) fn ask_within(patience: Duration, port: u16, command: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
    let mut answer = vec![0; 16 * 1024];
    let length = stream.read(&mut answer).ok()?;
    answer.truncate(length);
    String::from_utf8(answer).ok().filter(|answer| !answer.is_empty())
}
