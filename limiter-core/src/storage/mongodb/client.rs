//! The official driver, and the thread that runs it.
//!
//! The tasks of the driver end with the async runtime on which they were spawned. But several runtimes use a storage:
//! the workers of a server, or one test after the other. So the driver has a runtime of its own, on a thread that
//! starts when the storage is first used and ends with it. All workers share its connections.

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
use crate::storage::{StorageError, background::BackgroundCalls};

/// The timeout of operations whose callers have none, from when there is a connection.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// The default maximum number of connections to a server; the URI can set another.
const MAX_CONNECTIONS: u32 = 32;

/// The collection of the counts, and the options for its connections.
pub(super) struct ClientConfig {
    pub(super) address: ConnectionString,
    pub(super) connect_timeout: Duration,
    pub(super) database: String,
    pub(super) collection: String,
    pub(super) write_concern: Option<WriteConcern>,
}

/// The driver and its thread, which starts on first use.
pub(super) struct MongoClient {
    state: Arc<ClientState>,
    thread: Mutex<Option<DriverThread>>,
    operations: BackgroundCalls,
}

/// The part that the tasks on the driver's thread share.
struct ClientState {
    config: ClientConfig,
    collection: OnceCell<Collection<Document>>,
}

struct DriverThread {
    runtime: Handle,
    /// Ends the thread when it is dropped.
    _end: oneshot::Sender<()>,
}

impl MongoClient {
    pub(super) fn new(config: ClientConfig) -> Self {
        let state = Arc::new(ClientState { config, collection: OnceCell::new() });
        Self { state, thread: Mutex::default(), operations: BackgroundCalls::new() }
    }

    pub(super) fn config(&self) -> &ClientConfig {
        &self.state.config
    }

    /// Runs an operation on the driver's thread. The number of operations that run at once is bounded.
    ///
    /// The operation is completed even if the caller is dropped. A command that is dropped costs its connection, and a
    /// batch over several documents must not stay half done.
    pub(super) async fn run<T, F>(
        &self,
        operation: impl FnOnce(Collection<Document>) -> F + Send + 'static,
    ) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StorageError>> + Send,
    {
        let state = Arc::clone(&self.state);
        let task = async move {
            let collection = state.collection().await.map_err(error::storage)?;
            operation(collection).await
        };
        let deadline = self.config().connect_timeout.saturating_add(OPERATION_TIMEOUT);
        // The timeout begins on the driver's runtime: the caller need not have one.
        let task = async move { timeout(deadline, task).await };
        match self.operations.begin(&self.runtime()?, task).await.await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(error::timed_out()),
            Err(error) => Err(StorageError::new("the MongoDB driver has stopped").with_source(error)),
        }
    }

    fn runtime(&self) -> Result<Handle, StorageError> {
        let mut thread = self.thread.lock();
        if let Some(thread) = &*thread {
            return Ok(thread.runtime.clone());
        }
        let started = start().map_err(|error| {
            StorageError::new("the thread of the MongoDB driver could not be started").with_source(error)
        })?;
        let runtime = started.runtime.clone();
        let state = Arc::clone(&self.state);
        runtime.spawn(async move { index::ensure(|| state.collection()).await });
        *thread = Some(started);
        Ok(runtime)
    }
}

/// Starts a thread that runs a runtime until its handle is dropped.
fn start() -> std::io::Result<DriverThread> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (end, ended) = oneshot::channel();
    thread::Builder::new().name("limiter-mongodb".into()).spawn(move || {
        // Returns an error when the sender is dropped.
        let _ = runtime.block_on(ended);
        runtime.shutdown_background();
    })?;
    Ok(DriverThread { runtime: handle, _end: end })
}

impl ClientState {
    /// Returns the collection. The first call creates the client, which connects in the background.
    async fn collection(&self) -> DriverResult<Collection<Document>> {
        self.collection.get_or_try_init(|| self.connect()).await.cloned()
    }

    async fn connect(&self) -> DriverResult<Collection<Document>> {
        let config = &self.config;
        let mut options = ClientOptions::parse(config.address.clone()).await?;
        options.app_name.get_or_insert_with(|| "limiter".into());
        options.connect_timeout.get_or_insert(config.connect_timeout);
        options.server_selection_timeout.get_or_insert(config.connect_timeout);
        options.max_pool_size.get_or_insert(MAX_CONNECTIONS);
        let client = Client::with_options(options)?;
        let with = CollectionOptions::builder().write_concern(config.write_concern.clone()).build();
        Ok(client.database(&config.database).collection_with_options(&config.collection, with))
    }
}

/// Shows addresses, but no credentials.
impl ClientConfig {
    /// Lists the servers, without credentials.
    pub(super) fn servers(&self) -> String {
        match &self.address.host_info {
            HostInfo::HostIdentifiers(servers) => {
                servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            _ => String::new(),
        }
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.servers())
    }
}
