//! Faults of Redis alone.

use limiter_core::storage::RedisStorage;
use limiter_test_servers::{Proxy, Redis};
use redis::cmd;

use crate::{
    client::{Client, is_overdue},
    on_servers::redis::server::Administered,
    server::{Server, uri},
};

#[tokio::test]
async fn without_its_scripts() {
    let server = Redis::start();
    let client = Client::new(server.storage());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.admin().run::<()>(cmd("SCRIPT").arg("FLUSH"));
    assert_eq!(client.hit().await.unwrap(), 2, "the script is sent again, and counts once");
}

/// A hit whose answer is cut was counted before, and is not repeated.
#[tokio::test]
async fn cut_in_the_middle_of_an_answer() {
    let server = Redis::start();
    let proxy = Proxy::start(server.port()).await;
    let client = Client::new(RedisStorage::new(&uri::<Redis>(proxy.port())).unwrap());
    assert_eq!(client.hit().await.unwrap(), 1);
    for bytes in [0, 1, 5] {
        let used = client.used().await;
        proxy.cut_after(bytes);
        let error = client.hit().await.expect_err("its answer is cut");
        assert!(!is_overdue(&error), "the cut is not noticed after {bytes} bytes");
        assert_eq!(client.used().await, used + 1);
    }
}
