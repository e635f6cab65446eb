use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    ops::{Deref, DerefMut},
    process::Command,
    time::Duration,
};

use crate::{Process, free_port, wait_until};

/// A Redis server, or what `REDIS_SERVER` names, such as a `valkey-server`.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
}

impl Redis {
    /// Starts a server and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with further options of its command line, and waits until it answers; with an error if
    /// it wants a password.
    pub fn start_with(options: &[&str]) -> Self {
        let port = free_port();
        let program = env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
        let advice = "`apt-get install redis-server` installs it, REDIS_SERVER names another";
        let process = Process::start(
            |folder| {
                let mut command = Command::new(program);
                command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
                command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(folder).args(options);
                command
            },
            advice,
        );
        let server = Self { process, port };
        server.wait();
        server
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn uri(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it again on the same port, after it was killed, and waits until it answers.
    pub fn restart(&mut self) {
        self.process.restart();
        self.wait();
    }

    fn wait(&self) {
        wait_until("the server answers", || ping(self.port).is_some());
    }
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

fn ping(port: u16) -> Option<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(b"PING\r\n").ok()?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).ok()?;
    // `-LOADING` is no answer yet.
    (answer[0] == b'+' || answer.starts_with(b"-NOAU")).then_some(())
}
