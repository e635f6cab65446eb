//! The client of the official driver, and the thread that drives it.
//!
//! What the driver spawns lives as long as the async runtime it was made on, while a storage is used from several
//! of them: the workers of a server, one test after the other. So the driver has a runtime of its own, on a thread
//! that is started when the storage is first used and ends with it. All workers share its connections.

use std::{fmt, future::Future, sync::Arc, thread, time::Duration};

use mongodb::{
    Client, Collection,
    bson::Document,
    error::Result as DriverResult,
    options::{ClientOptions, CollectionOptions, ConnectionString, HostInfo, WriteConcern},
};
use parking_lot::Mutex;
use tokio::{
    runtime::{Builder, Handle},
    sync::{OnceCell, oneshot},
    time::timeout,
};

use super::{error, index};
use crate::storage::StorageError;

/// After how long an answer is given up that nobody else has given up before.
const LAST_RESORT: Duration = Duration::from_secs(10);

/// How many connections are opened to a server at most, unless the URI says otherwise.
const MOST_CONNECTIONS: u32 = 32;

/// Where the counts are, and how to get there.
pub(super) struct Target {
    pub(super) address: ConnectionString,
    pub(super) patience: Duration,
    pub(super) database: String,
    pub(super) collection: String,
    pub(super) write_concern: Option<WriteConcern>,
}

/// The driver, running from its first use on.
pub(super) struct Driver {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

/// What runs on the driver's thread.
struct Shared {
    target: Target,
    collection: OnceCell<Collection<Document>>,
}

struct Running {
    runtime: Handle,
    /// The thread ends when this is dropped.
    _end: oneshot::Sender<()>,
}

impl Driver {
    pub(super) fn new(target: Target) -> Self {
        let shared = Arc::new(Shared { target, collection: OnceCell::new() });
        Self { shared, running: Mutex::default() }
    }

    pub(super) fn target(&self) -> &Target {
        &self.shared.target
    }

    /// Does something with the collection. It is done to its end even when nobody waits for it any more: to drop
    /// a command costs its connection, and a batch over several documents must not be left half done.
    pub(super) async fn run<T, F>(
        &self,
        ask: impl FnOnce(Collection<Document>) -> F + Send + 'static,
    ) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StorageError>> + Send,
    {
        let shared = Arc::clone(&self.shared);
        let answer = async move {
            let collection = shared.collection().await.map_err(error::storage)?;
            ask(collection).await
        };
        let task = self.runtime()?.spawn(timeout(LAST_RESORT, answer));
        match task.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(error::too_late()),
            Err(error) => Err(StorageError::new("the MongoDB driver has stopped").with_source(error)),
        }
    }

    fn runtime(&self) -> Result<Handle, StorageError> {
        let mut running = self.running.lock();
        if let Some(running) = &*running {
            return Ok(running.runtime.clone());
        }
        let started = start().map_err(|error| {
            StorageError::new("the thread of the MongoDB driver could not be started").with_source(error)
        })?;
        let runtime = started.runtime.clone();
        let shared = Arc::clone(&self.shared);
        runtime.spawn(async move { index::ensure(|| shared.collection()).await });
        *running = Some(started);
        Ok(runtime)
    }
}

/// Starts a thread that drives a runtime until it is told to end.
fn start() -> std::io::Result<Running> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (end, ended) = oneshot::channel();
    thread::Builder::new().name("limiter-mongodb".into()).spawn(move || {
        // An error says that the other end was dropped, which is how it ends.
        let _ = runtime.block_on(ended);
        runtime.shutdown_background();
    })?;
    Ok(Running { runtime: handle, _end: end })
}

impl Shared {
    /// The collection; the client is made when it is first asked for. It connects by itself.
    async fn collection(&self) -> DriverResult<Collection<Document>> {
        self.collection.get_or_try_init(|| self.connect()).await.cloned()
    }

    async fn connect(&self) -> DriverResult<Collection<Document>> {
        let target = &self.target;
        let mut options = ClientOptions::parse(target.address.clone()).await?;
        options.app_name.get_or_insert_with(|| "limiter".into());
        options.connect_timeout.get_or_insert(target.patience);
        options.server_selection_timeout.get_or_insert(target.patience);
        options.max_pool_size.get_or_insert(MOST_CONNECTIONS);
        let client = Client::with_options(options)?;
        let with = CollectionOptions::builder().write_concern(target.write_concern.clone()).build();
        Ok(client.database(&target.database).collection_with_options(&target.collection, with))
    }
}

/// Shows addresses, never credentials.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let HostInfo::HostIdentifiers(servers) = &self.address.host_info {
            servers.iter().try_for_each(|server| write!(f, "{server} "))?;
        }
        write!(f, "{}.{}", self.database, self.collection)
    }
}
