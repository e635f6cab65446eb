//! A memcached server as the suite sees it, and as its administrator does.

use std::{collections::BTreeSet, time::Duration};

use limiter_core::{
    Strategy,
    storage::{MemcachedStorage, StorageError},
};
use limiter_test_servers::{Memcached, wait_until};

use crate::server::Server;

/// All but the moving window.
pub(crate) const STRATEGIES: [Strategy; 4] = [
    Strategy::FixedWindow,
    Strategy::FixedWindowElasticExpiry,
    Strategy::SlidingWindowCounter,
    Strategy::TokenBucket,
];

impl Server for Memcached {
    type Storage = MemcachedStorage;

    const NAME: &str = "memcached";
    const STRATEGIES: &[Strategy] = &STRATEGIES;
    const RESOLUTION: Duration = Duration::from_nanos(1);
    const CAN_RESET: bool = false;
    const KEEPS_COUNTS: bool = false;
    const MAX_CONNECTIONS: u64 = 1;
    const IS_PROMPT: bool = true;

    fn start() -> Self {
        Memcached::start()
    }

    fn port(&self) -> u16 {
        self.port()
    }

    fn restart(&mut self) {
        self.restart();
    }

    fn open(uri: &str) -> MemcachedStorage {
        MemcachedStorage::new(uri).unwrap()
    }

    fn open_with_prefix(uri: &str, prefix: &str) -> Result<MemcachedStorage, StorageError> {
        MemcachedStorage::builder(uri).prefix(prefix).build()
    }

    /// The server has no other clock.
    fn by_callers_clock(storage: MemcachedStorage) -> MemcachedStorage {
        storage
    }

    async fn erase(&self) {
        self.ask("flush_all\r\n", &["OK\r\n"]);
    }
}

pub(crate) trait Administered {
    /// The keys that are there, in order: some are.
    fn keys(&self) -> Vec<String>;

    /// The seconds after which a key expires, -1 if it never does.
    fn lifetime(&self, key: &str) -> i64;

    /// A number of the statistics.
    fn statistic(&self, name: &str) -> u64;
}

impl Administered for Memcached {
    fn keys(&self) -> Vec<String> {
        let mut dump = String::new();
        // It goes over its keys now and then of its own accord, and dumps none meanwhile.
        wait_until("the server has time to dump its keys", || {
            dump = self.ask("lru_crawler metadump all\r\n", &["END\r\n", "request\r\n"]);
            dump.starts_with("key=")
        });
        let names = dump.lines().filter_map(|line| line.strip_prefix("key=")?.split(' ').next());
        // One that moves meanwhile is listed twice.
        names.map(percent_decoded).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn lifetime(&self, key: &str) -> i64 {
        let answer = self.ask(&format!("mg {key} t\r\n"), &["\r\n"]);
        answer.trim_end().strip_prefix("HD t").expect(&answer).parse().unwrap()
    }

    fn statistic(&self, name: &str) -> u64 {
        let statistics = self.ask("stats\r\n", &["END\r\n"]);
        let line = statistics.lines().find_map(|line| line.strip_prefix(&format!("STAT {name} ")));
        line.expect(name).parse().unwrap()
    }
}

/// The dump writes everything but letters and digits as `%XX`.
fn percent_decoded(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [(); 2].map(|()| char::from(rest.next().unwrap()));
            bytes.push(u8::from_str_radix(&digits.iter().collect::<String>(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
