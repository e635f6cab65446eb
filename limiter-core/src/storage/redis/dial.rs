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

#[cfg(feature = "redis-sentinel")]
use super::sentinel::Sentinels;
use super::{error::NotFound, tls::Tls};
use crate::storage::address::Address;

/// How a connection is made.
pub(super) enum Dial {
    /// To one server.
    Server(Server, Arc<Way>),
    /// To the server that sentinels name.
    #[cfg(feature = "redis-sentinel")]
    Sentinels(Sentinels),
}

/// Where one server is.
#[derive(Clone)]
pub(super) enum Server {
    Tcp(Address),
    Socket(PathBuf),
}

/// What is needed to talk to a server wherever it is.
pub(super) struct Way {
    pub(super) tls: Option<Tls>,
    pub(super) login: RedisConnectionInfo,
}

/// A connection that several requests use at once.
#[derive(Clone)]
pub(super) struct Connection {
    connection: MultiplexedConnection,
    _driver: Arc<Driver>,
}

/// What drives a connection, and ends with it: else one that waits for a frozen server would stay.
struct Driver(JoinHandle<()>);

/// After how long an answer is given up that nobody else has given up before.
const LAST_RESORT: Duration = Duration::from_secs(10);

/// How many commands may wait to be sent. The default of 50 holds up a burst of requests.
const QUEUE: usize = 1024;

impl Dial {
    /// Connects to wherever the server is now. Attempts are timed by who makes them.
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        match self {
            Self::Server(server, way) => way.connect(server).await,
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinels(sentinels) => sentinels.connect().await,
        }
    }
}

impl Way {
    pub(super) async fn connect(&self, server: &Server) -> RedisResult<Connection> {
        match (server, &self.tls) {
            (Server::Tcp(address), None) => self.log_in(tcp(address).await?).await,
            (Server::Tcp(address), Some(tls)) => {
                self.log_in(tls.wrap(&address.host, tcp(address).await?).await?).await
            }
            (Server::Socket(path), _) => self.log_in(socket(path).await?).await,
        }
    }

    async fn log_in(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(Some(LAST_RESORT))
            .set_pipeline_buffer_size(QUEUE);
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&self.login, stream, config).await?;
        Ok(Connection { connection, _driver: Arc::new(Driver(tokio::spawn(driver))) })
    }
}

/// Tries all addresses of the host at once: one that does not answer must not use up the time of another.
async fn tcp(address: &Address) -> io::Result<TcpStream> {
    let found = lookup_host((address.host.as_str(), address.port)).await;
    let found: Vec<_> = found.map_err(NotFound::because)?.collect();
    if found.is_empty() {
        return Err(NotFound::because(io::Error::from(io::ErrorKind::NotFound)));
    }
    let attempts = found.into_iter().map(|address| Box::pin(TcpStream::connect(address)));
    let (stream, _) = select_ok(attempts).await?;
    // Answers are short: to collect them before sending costs 40 ms and saves nothing.
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
    /// Sends a command. One that is `is_sent` by another node of a cluster is preceded by the word for that,
    /// with nothing in between.
    pub(super) async fn ask(&self, command: &Cmd, is_sent: bool) -> RedisResult<Value> {
        let mut connection = self.connection.clone();
        if !is_sent {
            return connection.req_packed_command(command).await;
        }
        let mut both = redis::pipe();
        both.cmd("ASKING").add_command(command.clone());
        let answers = connection.req_packed_commands(&both, 1, 1).await?;
        Ok(answers.into_iter().next().unwrap_or(Value::Nil))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Shows addresses, never credentials.
impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(Server::Tcp(address), _) => address.fmt(f),
            Self::Server(Server::Socket(path), _) => path.fmt(f),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinels(sentinels) => sentinels.fmt(f),
        }
    }
}
