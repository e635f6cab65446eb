//! The Redis server.

use std::{
    env,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use redis::{Client, aio::MultiplexedConnection};

/// A server of its own, which ends with its value.
pub struct Server {
    process: Child,
    pub uri: String,
}

impl Server {
    pub fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port is free");
        let mut command = Command::new(env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into()));
        command.args(["--port", &free.port().to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no"]).stdout(Stdio::null());
        let process = command.spawn().expect("`apt-get install redis-server` installs it");
        let server = Self { process, uri: format!("redis://{free}") };
        let start = Instant::now();
        while TcpStream::connect(free).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "the server listens");
            thread::sleep(Duration::from_millis(10));
        }
        server
    }

    pub async fn connect(&self) -> MultiplexedConnection {
        let client = Client::open(self.uri.as_str()).expect("it is an address");
        client.get_multiplexed_async_connection().await.expect("it listens")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
