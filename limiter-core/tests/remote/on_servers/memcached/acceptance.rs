//! The tests that every storage must pass, on several servers, and the features that memcached lacks.

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, acceptance,
    storage::{Batch, Hit, MemcachedStorage, Storage},
};
use limiter_test_servers::Memcached;

use crate::{
    on_servers::memcached::server::{Administered, STRATEGIES},
    server::Server,
};

#[tokio::test]
async fn three_servers_pass_the_tests_of_all_storages() {
    let servers = [(); 3].map(|()| Memcached::start());
    let [a, b, c] = servers.each_ref().map(Memcached::port);
    let uri = format!("memcached://127.0.0.1:{a},127.0.0.1:{b},127.0.0.1:{c}");
    let storage = MemcachedStorage::builder(&uri).prefix("a.b-c:d_e").build().unwrap();
    acceptance::run_shared(&storage, Memcached::callers_time()).await;
    let used = servers.iter().filter(|server| server.statistic("total_items") > 0).count();
    assert!(used > 1, "the suite has few clients, but not so few that one server has them all");
}

#[tokio::test]
async fn moving_windows_and_resets_are_refused_with_the_reason() {
    let server = Memcached::start();
    let storage = server.storage();
    for strategy in STRATEGIES {
        storage.check(&Policy::new(Quota::per_second(5), strategy)).unwrap();
    }
    let moving = Policy::new(Quota::per_second(5), Strategy::MovingWindow);
    let error = storage.check(&moving).unwrap_err().to_string();
    for part in ["memcached", "remembers each hit", "`sliding-window-counter`", "`token-bucket`"] {
        assert!(error.contains(part), "{error}");
    }
    let (scope, key) = (Scope::new(["moving"]), Key::from("somebody"));
    let hits = [Hit::new(&scope, &key, &moving)];
    assert!(storage.decide(&Batch::new(&hits), Timestamp::default()).await.is_err());

    let error = storage.reset().await.unwrap_err().to_string();
    assert!(error.contains("other applications") || error.contains("all applications"), "{error}");
    assert!(error.contains("another prefix"), "{error}");
}
