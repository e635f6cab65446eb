//! The server of a test, as a storage and as its administrator sees it.

use std::collections::BTreeSet;

use limiter_core::{Strategy, storage::MemcachedStorage};
use limiter_test_servers::{Memcached, wait_until};

/// All but the moving window.
pub(crate) const STRATEGIES: [Strategy; 4] = [
    Strategy::FixedWindow,
    Strategy::FixedWindowElasticExpiry,
    Strategy::SlidingWindowCounter,
    Strategy::TokenBucket,
];

pub(crate) trait ServerExt {
    fn storage(&self) -> MemcachedStorage;

    /// The keys that are there, in order: some are.
    fn keys(&self) -> Vec<String>;

    /// For how many seconds a key is still kept, -1 for ever.
    fn lifetime(&self, key: &str) -> i64;

    /// A number of the statistics.
    fn statistic(&self, name: &str) -> u64;
}

impl ServerExt for Memcached {
    fn storage(&self) -> MemcachedStorage {
        MemcachedStorage::new(&self.uri()).unwrap()
    }

    fn keys(&self) -> Vec<String> {
        let mut dump = String::new();
        // It goes over its keys now and then of its own accord, and has no ear meanwhile.
        wait_until("the server has time to tell its keys", || {
            dump = self.ask("lru_crawler metadump all\r\n", &["END\r\n", "request\r\n"]);
            dump.starts_with("key=")
        });
        let names = dump.lines().filter_map(|line| line.strip_prefix("key=")?.split(' ').next());
        // One that moves meanwhile is told twice.
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
