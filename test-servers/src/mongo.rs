use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    ops::{Deref, DerefMut},
    process::Command,
    time::Duration,
};

use crate::{Process, free_port, wait_until};

/// A MongoDB server: what `MONGOD` names, or else `mongod`. It removes nothing that has expired, unless told to: tests
/// write what expired long ago by its clock.
#[derive(Debug)]
pub struct Mongo {
    process: Process,
    port: u16,
}

impl Mongo {
    /// Starts a server and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server that removes what has expired every second.
    pub fn removing_expired() -> Self {
        Self::start_with(&["--setParameter", "ttlMonitorSleepSecs=1"])
    }

    /// Starts a server with further options of its command line, and waits until it answers.
    pub fn start_with(options: &[&str]) -> Self {
        let server = Self::begin(options);
        server.wait();
        server
    }

    /// Starts the members of a replica set of this name, which nobody has initiated yet. The first is the one to
    /// initiate.
    pub fn members<const N: usize>(name: &str) -> [Self; N] {
        let members = [(); N].map(|()| Self::begin(&["--replSet", name, "--oplogSize", "50"]));
        members.iter().for_each(Self::wait);
        members
    }

    /// The addresses of some servers, as they stand in a URI.
    pub fn hosts(servers: &[Self]) -> String {
        let hosts: Vec<_> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        hosts.join(",")
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}", self.port)
    }

    /// Starts it again on the same port, after it was killed, and waits until it answers.
    pub fn restart(&mut self) {
        self.process.restart();
        self.wait();
    }

    fn begin(options: &[&str]) -> Self {
        let port = free_port();
        let program = env::var("MONGOD").unwrap_or_else(|_| "mongod".into());
        let advice = "`cargo xtask test mongodb` fetches one, MONGOD names another";
        let process = Process::start(
            |folder| {
                let mut command = Command::new(program);
                command.args(["--bind_ip", "127.0.0.1", "--port", &port.to_string(), "--nounixsocket"]);
                command.args(["--wiredTigerCacheSizeGB", "0.25"]);
                command.args(["--setParameter", "diagnosticDataCollectionEnabled=false"]);
                if !options.iter().any(|option| option.starts_with("ttlMonitor")) {
                    command.args(["--setParameter", "ttlMonitorEnabled=false"]);
                }
                command.arg("--dbpath").arg(folder).args(options);
                command
            },
            advice,
        );
        Self { process, port }
    }

    fn wait(&self) {
        wait_until("the server answers", || ping(self.port).is_some());
    }
}

impl Deref for Mongo {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Mongo {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// Says hello in the protocol of the server: `{ hello: 1, $db: "admin" }`.
fn ping(port: u16) -> Option<()> {
    const HELLO: &[u8] = b"\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";
    let mut message = Vec::new();
    let document = u32::try_from(HELLO.len() + 4).ok()?;
    // Length, request, response to, OP_MSG; flags, kind of section.
    for number in [16 + 4 + 1 + document, 1, 0, 2013, 0] {
        message.extend(number.to_le_bytes());
    }
    message.push(0);
    message.extend(document.to_le_bytes());
    message.extend(HELLO);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(&message).ok()?;
    let mut answer = [0; 16];
    stream.read_exact(&mut answer).ok()
}
