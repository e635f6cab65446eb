//! The server of a test, as a storage and as its administrator sees it.

use limiter_core::storage::RedisStorage;
use limiter_test_servers::Redis;
use redis::{Client, Connection};

pub(crate) trait ServerExt {
    fn storage(&self) -> RedisStorage;

    /// A connection to look behind the scenes.
    fn admin(&self) -> Connection;
}

impl ServerExt for Redis {
    fn storage(&self) -> RedisStorage {
        RedisStorage::new(&self.uri()).unwrap()
    }

    fn admin(&self) -> Connection {
        Client::open(self.uri()).unwrap().get_connection().unwrap()
    }
}
