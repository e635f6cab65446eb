//! Faults of the server, as a limiter sees them, and the time after.

use std::time::Duration;

use limiter_test_servers::Proxy;
use tokio::runtime::Runtime;

use crate::{
    server::{Server, uri},
    tally::Tally,
};

pub(crate) async fn killed_and_restarted<S: Server>() {
    let mut server = S::start();
    let mut tally = Tally::<S>::start(server.storage()).await;
    server.flush().await;
    server.kill();
    tally.fail().await;
    server.restart();
    tally.client.recover().await;
    tally.follow_restart();
    tally.hit().await;
}

pub(crate) async fn restarted_between_two_requests<S: Server>() {
    let mut server = S::start();
    let mut tally = Tally::<S>::start(server.storage()).await;
    server.flush().await;
    server.kill();
    server.restart();
    tally.follow_restart();
    // One request may find out that the connection is gone, or be late and count.
    tally.try_hit().await;
    tally.hit().await;
    tally.hit().await;
}

/// Hits that wait in the queue of a frozen server count after the thaw, once or not at all.
pub(crate) async fn frozen_and_thawed<S: Server>() {
    let server = S::start();
    let mut tally = Tally::<S>::start(server.storage()).await;
    server.freeze();
    tally.fail().await;
    server.thaw();
    tally.client.recover().await;
    tally.hit().await;
    tally.hit().await;
}

/// A hundred at once: none waits for another.
pub(crate) async fn frozen_while_many_hit<S: Server>() {
    let server = S::start();
    let mut tally = Tally::<S>::start(server.storage()).await;
    server.freeze();
    tally.fail_at_once(100).await;
    server.thaw();
    tally.client.recover().await;
    tally.hit().await;
}

pub(crate) async fn frozen_from_the_start<S: Server>() {
    let server = S::start();
    server.freeze();
    let mut tally = Tally::<S>::new(server.storage());
    tally.fail().await;
    server.thaw();
    tally.client.recover().await;
    tally.hit().await;
}

pub(crate) async fn without_its_data<S: Server>() {
    let server = S::start();
    let tally = Tally::<S>::start(server.storage()).await;
    server.erase().await;
    assert_eq!(tally.client.hit().await.unwrap(), 1);
}

/// A late hit counts at most once.
pub(crate) async fn far_away<S: Server>() {
    let server = S::start();
    let proxy = Proxy::start(server.port()).await;
    let mut tally = Tally::<S>::start(S::open(&uri::<S>(proxy.port()))).await;
    proxy.delay(Duration::from_millis(200));
    tally.fail().await;
    proxy.delay(Duration::ZERO);
    tally.client.recover().await;
    tally.hit().await;
}

/// The defect: a connection that dies with the runtime of the test, or worker, that made it.
pub(crate) fn several_runtimes_share_a_storage<S: Server>() {
    let server = S::start();
    let mut tally = Tally::<S>::new(server.storage());
    for _ in 0..5 {
        Runtime::new().unwrap().block_on(tally.hit());
    }
    let [first, second] = [(); 2].map(|()| Runtime::new().unwrap());
    first.block_on(tally.hit());
    second.block_on(tally.hit());
    drop(first);
    second.block_on(tally.hit());
}

/// The defect: a breaker whose probe ended with a runtime stays open for ever.
pub(crate) fn a_probe_survives_its_runtime<S: Server>() {
    let mut server = S::start();
    let mut tally = Runtime::new().unwrap().block_on(async {
        let tally = Tally::<S>::start(server.storage()).await;
        server.flush().await;
        tally
    });
    server.kill();
    Runtime::new().unwrap().block_on(tally.fail());
    server.restart();
    tally.follow_restart();
    Runtime::new().unwrap().block_on(async {
        assert!(!tally.try_hit().await);
        if S::IS_PROMPT {
            // Elsewhere a driver may still send them, once there is a server again.
            tally.forget_failed();
        }
        tally.client.recover().await;
        tally.hit().await;
    });
}
