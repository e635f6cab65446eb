//! The recorded runs, on a server that is told the time.

use limiter_test_servers::Mongo;

use crate::{
    mongodb::server::ServerExt,
    vectors::{PROMISED, REFERENCE, agree},
};

#[tokio::test]
async fn agrees_with_the_reference() {
    let server = Mongo::start();
    assert_eq!(agree(&server.storage().use_caller_clock(), REFERENCE).await, 240);
}

#[tokio::test]
async fn agrees_with_what_is_promised() {
    let server = Mongo::start();
    assert_eq!(agree(&server.storage().use_caller_clock(), PROMISED).await, 300);
}
