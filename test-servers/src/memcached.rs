use std::{
    io::{Read, Write},
    net::TcpStream,
    ops::{Deref, DerefMut},
    process::Command,
    time::Duration,
};

use crate::{Process, free_port, wait_until};

/// A memcached server.
#[derive(Debug)]
pub struct Memcached {
    process: Process,
    port: u16,
}

impl Memcached {
    /// Starts a server with 64 MB and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&["-m", "64"])
    }

    /// Starts a server with further options of its command line, and waits until it answers.
    pub fn start_with(options: &[&str]) -> Self {
        let port = free_port();
        let process = Process::start(
            |_| {
                let mut command = Command::new("memcached");
                // Only root must name the user to run as.
                command.args(["-u", "root", "-l", "127.0.0.1", "-U", "0", "-p", &port.to_string()]);
                command.args(options);
                command
            },
            "`apt-get install memcached` installs it",
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
        format!("memcached://127.0.0.1:{}", self.port)
    }

    /// Starts it again on the same port, after it was killed, and waits until it answers.
    pub fn restart(&mut self) {
        self.process.restart();
        self.wait();
    }

    /// Sends commands as they stand, and reads until the answer ends with one of `ends`.
    ///
    /// # Panics
    ///
    /// When the server does not answer so within 10 seconds.
    pub fn ask(&self, commands: &str, ends: &[&str]) -> String {
        self.try_to_ask(commands, ends).expect("the server answers")
    }

    fn try_to_ask(&self, commands: &str, ends: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(commands.as_bytes())?;
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while !ends.iter().any(|end| answer.ends_with(end.as_bytes())) {
            let length = stream.read(&mut piece)?;
            if length == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&piece[..length]);
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn wait(&self) {
        wait_until("the server answers", || self.try_to_ask("mn\r\n", &["MN\r\n"]).is_ok());
    }
}

impl Deref for Memcached {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Memcached {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}
