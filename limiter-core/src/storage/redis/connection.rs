//! A connection to one server.
//!
//! The `redis` crate can connect by itself, and it tries all addresses of a host with `select_ok` as well. It then
//! also sets up TLS, in a way that does not suit a library (see `tls`). The crate has no public function that connects
//! with another TLS configuration, so this module connects and passes the stream on.

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::select_ok;
use redis::{
    AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinHandle,
};

use super::{error::UnresolvedHost, tls::Tls};
use crate::storage::address::Address;

/// The place at which one server listens.
#[derive(Clone)]
pub(super) enum Endpoint {
    Tcp(Address),
    Socket(PathBuf),
}

/// The options of a connection, whatever its endpoint.
pub(super) struct ConnectOptions {
    pub(super) tls: Option<Tls>,
    pub(super) login: RedisConnectionInfo,
}

/// A connection that several requests use at once.
#[derive(Clone)]
pub(super) struct Connection {
    connection: MultiplexedConnection,
    _driver: Arc<DriverTask>,
}

/// The task that drives a connection, aborted with it. Otherwise one that waits for a frozen server would stay.
struct DriverTask(JoinHandle<()>);

/// The time after which the connection gives up on an answer, if no caller has given up before.
const MAX_RESPONSE_TIME: Duration = Duration::from_secs(10);

/// The number of commands that may wait to be sent. The crate's default of 50 stalls a burst of requests.
const QUEUE_LEN: usize = 1024;

impl ConnectOptions {
    pub(super) async fn connect(&self, endpoint: &Endpoint) -> RedisResult<Connection> {
        match (endpoint, &self.tls) {
            (Endpoint::Tcp(address), None) => self.log_in(tcp(address).await?).await,
            (Endpoint::Tcp(address), Some(tls)) => {
                self.log_in(tls.wrap(&address.host, tcp(address).await?).await?).await
            }
            (Endpoint::Socket(path), _) => self.log_in(socket(path).await?).await,
        }
    }

    async fn log_in(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(Some(MAX_RESPONSE_TIME))
            .set_pipeline_buffer_size(QUEUE_LEN);
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&self.login, stream, config).await?;
        Ok(Connection { connection, _driver: Arc::new(DriverTask(tokio::spawn(driver))) })
    }
}

/// Connects to all addresses of the host at once, so that one that does not answer takes no time from the others.
async fn tcp(address: &Address) -> io::Result<TcpStream> {
    let found = lookup_host((address.host.as_str(), address.port)).await;
    let found: Vec<_> = found.map_err(UnresolvedHost::because)?.collect();
    if found.is_empty() {
        return Err(UnresolvedHost::because(io::Error::from(io::ErrorKind::NotFound)));
    }
    let attempts = found.into_iter().map(|address| Box::pin(TcpStream::connect(address)));
    let (stream, _) = select_ok(attempts).await?;
    // Commands are short. To collect them before sending would cost 40 ms and save nothing.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(unix)]
async fn socket(path: &std::path::Path) -> io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(path).await
}

#[cfg(not(unix))]
#[allow(clippy::unused_async, reason = "as on Unix")]
async fn socket(_: &std::path::Path) -> io::Result<TcpStream> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

impl Connection {
    /// Sends a command and returns the answer.
    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        self.connection.clone().req_packed_command(command).await
    }

    /// Sends a command that another node of the cluster has redirected here by `ASK`.
    ///
    /// `ASKING` precedes it, with nothing in between.
    #[cfg(feature = "redis-cluster")]
    pub(super) async fn send_asking(&self, command: &Cmd) -> RedisResult<Value> {
        let mut both = redis::pipe();
        both.cmd("ASKING").add_command(command.clone());
        let answers = self.connection.clone().req_packed_commands(&both, 1, 1).await?;
        Ok(answers.into_iter().next().unwrap_or(Value::Nil))
    }
}

impl Drop for DriverTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Socket(path) => path.fmt(f),
        }
    }
}
