//! A Redis server as the suite sees it, and as its administrator does.

use std::time::{Duration, Instant};

use limiter_core::{
    Strategy,
    storage::{RedisStorage, StorageError},
};
use limiter_test_servers::Redis;
use redis::{Client, Cmd, Connection, FromRedisValue, cmd};

use crate::{
    client::FOR_EVER,
    server::{Database, Server},
};

impl Server for Redis {
    type Storage = RedisStorage;

    const NAME: &str = "redis";
    const STRATEGIES: &[Strategy] = &Strategy::ALL;
    const RESOLUTION: Duration = Duration::from_micros(1);
    const CAN_RESET: bool = true;
    const KEEPS_COUNTS: bool = false;
    const MAX_CONNECTIONS: u64 = 1;
    const IS_PROMPT: bool = true;

    fn start() -> Self {
        Redis::start()
    }

    fn port(&self) -> u16 {
        self.port()
    }

    fn restart(&mut self) {
        self.restart();
    }

    fn open(uri: &str) -> RedisStorage {
        RedisStorage::new(uri).unwrap()
    }

    fn open_with_prefix(uri: &str, prefix: &str) -> Result<RedisStorage, StorageError> {
        RedisStorage::builder(uri).prefix(prefix).build()
    }

    fn by_callers_clock(storage: RedisStorage) -> RedisStorage {
        storage.use_caller_clock()
    }

    async fn erase(&self) {
        self.admin().run::<()>(&cmd("FLUSHALL"));
    }
}

impl Database for Redis {
    async fn remove_expiries(&self) {
        let mut admin = self.admin();
        for key in admin.keys() {
            admin.run::<()>(cmd("PERSIST").arg(&key));
            assert_eq!(admin.lifetime(&key), -1);
        }
    }

    async fn has_expiries(&self) -> bool {
        let mut admin = self.admin();
        admin.keys().iter().all(|key| admin.lifetime(key) > 0)
    }

    async fn write_foreign(&self, name: &str) {
        self.admin().run::<()>(cmd("SET").arg(name).arg("not a count"));
    }

    async fn names(&self) -> usize {
        self.admin().keys().len()
    }
}

/// A connection to look behind the scenes.
pub(crate) struct Admin(Connection);

pub(crate) trait Administered {
    fn admin(&self) -> Admin;
}

impl Administered for Redis {
    fn admin(&self) -> Admin {
        Admin::open(&self.uri())
    }
}

impl Admin {
    pub(crate) fn open(uri: &str) -> Self {
        Self(Client::open(uri).unwrap().get_connection().unwrap())
    }

    pub(crate) fn run<T: FromRedisValue>(&mut self, command: &Cmd) -> T {
        command.query(&mut self.0).unwrap()
    }

    /// A section of the server's `INFO`.
    pub(crate) fn info(&mut self, section: &str) -> String {
        self.run(cmd("INFO").arg(section))
    }

    /// The number of connections that were made to the server so far, with this one.
    pub(crate) fn connections(&mut self) -> u64 {
        let info = self.info("stats");
        let number = info.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        number.expect("the server counts them").parse().unwrap()
    }

    /// Waits until the replica of this primary has received all its writes.
    pub(crate) async fn replicated(&mut self) {
        let start = Instant::now();
        loop {
            let info = self.info("replication");
            let number = |name: &str| {
                let (_, rest) = info.split_once(name).expect("the primary says so");
                rest.split(['\r', ',']).next().map(ToOwned::to_owned)
            };
            if number("master_repl_offset:") == number(",offset=") {
                return;
            }
            assert!(start.elapsed() < FOR_EVER, "the replica hears nothing: {info}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn keys(&mut self) -> Vec<String> {
        self.run(cmd("KEYS").arg("*"))
    }

    /// The milliseconds after which a key expires, -1 if it never does.
    pub(crate) fn lifetime(&mut self, key: &str) -> i64 {
        self.run(cmd("PTTL").arg(key))
    }
}
