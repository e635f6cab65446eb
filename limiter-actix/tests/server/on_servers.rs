//! What takes storages on servers, which the tests start. Tests without servers skip `on_servers::`.

use std::time::Duration;

use limiter_actix::storage::MongoStorage;

mod chaos;
mod clear_all;
mod concurrent_processes;
mod hostile;
mod ready;
mod remote_kinds;

/// On a busy machine a server takes long to be found.
fn mongodb(uri: &str) -> MongoStorage {
    MongoStorage::builder(uri).connect_timeout(Duration::from_secs(60)).build().expect("an address")
}
