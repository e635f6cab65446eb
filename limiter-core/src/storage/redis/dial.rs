use std::{fmt, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Cmd, RedisResult, Value, aio::ConnectionLike, aio::MultiplexedConnection,
};

/// How a connection is made.
pub(super) enum Dial {
    /// To one server.
    Server(Client),
}

/// A connection that several requests use at once.
#[derive(Clone)]
pub(super) enum Connection {
    Server(MultiplexedConnection),
}

/// After how long an answer is given up that nobody else has given up before.
const LAST_RESORT: Duration = Duration::from_secs(10);

/// How many commands may wait to be sent. The default of 50 holds up a burst of requests.
const QUEUE: usize = 1024;

impl Dial {
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        // Attempts are timed by who makes them.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(Some(LAST_RESORT))
            .set_pipeline_buffer_size(QUEUE);
        match self {
            Self::Server(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Server)
            }
        }
    }
}

impl Connection {
    pub(super) async fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(command).await,
        }
    }
}

/// Shows addresses, never credentials.
impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(client) => write!(f, "{}", client.get_connection_info().addr()),
        }
    }
}
