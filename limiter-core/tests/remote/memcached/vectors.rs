//! The recorded runs, on a server, for the strategies that memcached has.

use limiter_test_servers::Memcached;

use crate::{
    memcached::server::ServerExt,
    vectors::{PROMISED, REFERENCE, agree},
};

#[tokio::test]
async fn agrees_with_the_reference() {
    let server = Memcached::start();
    assert_eq!(agree(&server.storage(), REFERENCE).await, 160);
}

#[tokio::test]
async fn agrees_with_what_is_promised() {
    let server = Memcached::start();
    assert_eq!(agree(&server.storage(), PROMISED).await, 240);
}
