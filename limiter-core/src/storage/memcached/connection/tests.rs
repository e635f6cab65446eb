use std::{future::Future, pin::Pin, task::Poll};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::*;
use crate::storage::{memcached::servers::Servers, overdue::drop_overdue};

/// A server whose replies the test writes.
struct ScriptedServer {
    listener: TcpListener,
    servers: Servers,
}

/// The server's end of a connection.
struct Peer(BufReader<TcpStream>);

impl ScriptedServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Address::new("127.0.0.1", port);
        let connections = ServerConnections::new(address, Duration::from_secs(5));
        Self { listener, servers: Servers::new(vec![connections]) }
    }

    fn connections(&self) -> &ServerConnections {
        &self.servers.connections[0]
    }

    /// Sends commands over the connection of this runtime.
    async fn send(&self, commands: Commands) -> Result<Vec<Reply>, MemcachedError> {
        self.servers.send(0, commands).await
    }

    async fn accept(&self) -> Peer {
        Peer(BufReader::new(self.listener.accept().await.unwrap().0))
    }

    /// Opens a connection; returns both ends.
    async fn connect(&self) -> (Arc<RuntimeConnection>, Peer) {
        let connection = self.connections().get().unwrap();
        let mut peer = self.accept().await;
        peer.reads("mn\r\n").await;
        peer.writes("MN\r\n").await;
        while !connection.is_connected() {
            tokio::task::yield_now().await;
        }
        (connection, peer)
    }
}

impl Peer {
    async fn reads(&mut self, expected: &str) {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        assert_eq!(line, expected);
    }

    async fn writes(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }
}

fn get(key: &str) -> Commands {
    let mut commands = Commands::default();
    commands.get(key);
    commands
}

/// Starts a request, waits until it was sent, and drops it.
async fn send_and_drop<F>(request: F, sent: impl Future, drop: fn(Pin<Box<F>>))
where
    F: Future<Output = Result<Vec<Reply>, MemcachedError>>,
{
    let mut request = Box::pin(request);
    let begun = std::future::poll_fn(|context| match request.as_mut().poll(context) {
        Poll::Ready(reply) => panic!("a reply before the server has written one: {reply:?}"),
        Poll::Pending => Poll::Ready(()),
    });
    begun.await;
    sent.await;
    drop(request);
}

/// The defect: the next request got the reply to one that was dropped.
#[tokio::test]
async fn the_reply_to_a_dropped_request_is_discarded() {
    let server = ScriptedServer::start().await;
    let (connection, mut peer) = server.connect().await;
    send_and_drop(server.send(get("a")), peer.reads("mg a c v\r\n"), drop).await;
    let next = async {
        peer.reads("mg b c v\r\n").await;
        peer.writes("VA 1 c1\r\na\r\n").await;
        peer.writes("VA 1 c2\r\nb\r\n").await;
    };
    let (reply, ()) = tokio::join!(server.send(get("b")), next);
    assert_eq!(reply.unwrap(), [Reply::Value(2, "b".to_owned())]);
    assert!(Arc::ptr_eq(&connection, &server.connections().get().unwrap()), "the connection is kept");
}

/// Vanished packets raise no error: a connection without replies until a deadline is replaced. All its requests fail,
/// since others may wait for their counts.
#[tokio::test]
async fn a_stalled_connection_is_replaced() {
    let server = ScriptedServer::start().await;
    let (connection, mut peer) = server.connect().await;
    let other = async {
        send_and_drop(server.send(get("a")), peer.reads("mg a c v\r\n"), drop_overdue).await;
    };
    let ((), failed) = tokio::join!(other, server.send(get("b")));
    assert!(failed.is_err());
    let (next, _peer) = server.connect().await;
    assert!(!Arc::ptr_eq(&connection, &next));
}

/// The defect: a client that went away while the storage connected made all others fail.
#[tokio::test]
async fn a_dropped_request_does_not_disturb_an_attempt_to_connect() {
    let server = ScriptedServer::start().await;
    let connection = server.connections().get().unwrap();
    let mut peer = server.accept().await;
    send_and_drop(server.send(get("a")), peer.reads("mn\r\n"), drop).await;
    let talk = async {
        peer.writes("MN\r\n").await;
        // The dropped request is not even sent.
        peer.reads("mg b c v\r\n").await;
        peer.writes("EN\r\n").await;
    };
    let (replies, ()) = tokio::join!(server.send(get("b")), talk);
    assert_eq!(replies.unwrap(), [Reply::Absent]);
    assert!(Arc::ptr_eq(&connection, &server.connections().get().unwrap()));
}

#[tokio::test]
async fn partial_and_merged_replies_are_separated() {
    let server = ScriptedServer::start().await;
    let (connection, mut peer) = server.connect().await;
    let mut twice = get("a");
    twice.get("b");
    let talk = async {
        for line in ["mg a c v\r\n", "mg b c v\r\n", "mg c c v\r\n"] {
            peer.reads(line).await;
        }
        for part in ["VA 1", " c1\r\na", "\r\nEN\r\nVA 2 c3\r\n\r\n", "\r\n"] {
            peer.writes(part).await;
            tokio::task::yield_now().await;
        }
    };
    let send = |commands| server.connections().send(&connection, commands);
    let (first, second, ()) = tokio::join!(send(twice), send(get("c")), talk);
    assert_eq!(first.unwrap(), [Reply::Value(1, "a".to_owned()), Reply::Absent]);
    assert_eq!(second.unwrap(), [Reply::Value(3, "\r\n".to_owned())]);
}

#[tokio::test]
async fn an_unexpected_reply_ends_the_connection() {
    for text in ["EN\r\n", "HTTP/1.1 400 Bad Request\r\n", "VA 1048577 c1\r\n"] {
        let server = ScriptedServer::start().await;
        let (connection, mut peer) = server.connect().await;
        peer.writes(text).await;
        let ended = async {
            while !connection.requests.is_closed() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(5), ended).await.expect(text);
        assert!(server.connections().send(&connection, get("a")).await.is_err());
        let (next, _peer) = server.connect().await;
        assert!(!Arc::ptr_eq(&connection, &next));
    }
}

#[tokio::test]
async fn all_pending_requests_get_the_error_of_the_connection() {
    let server = ScriptedServer::start().await;
    let (connection, mut peer) = server.connect().await;
    let talk = async {
        peer.reads("mg a c v\r\n").await;
        peer.reads("mg b c v\r\n").await;
        peer.writes("CLIENT_ERROR bad data chunk\r\n").await;
    };
    let send = |key| server.connections().send(&connection, get(key));
    let (first, second, ()) = tokio::join!(send("a"), send("b"), talk);
    for outcome in [first, second] {
        let error = format!("{:?}", outcome.unwrap_err());
        assert!(error.contains("CLIENT_ERROR bad data chunk"), "{error}");
    }
}

/// Requests that arrive while it connects wait for one attempt; if it hangs, later ones fail at once.
#[tokio::test]
async fn a_server_that_accepts_connections_without_replies_is_silent() {
    let server = ScriptedServer::start().await;
    let connection = server.connections().get().unwrap();
    let mut peer = server.accept().await;
    send_and_drop(server.send(get("a")), peer.reads("mn\r\n"), drop_overdue).await;
    assert!(Arc::ptr_eq(&connection, &server.connections().get().unwrap()), "it goes on connecting");
    assert!(server.send(get("b")).await.is_err());
    peer.writes("MN\r\n").await;
    let talk = async {
        // The dropped request is not even sent.
        peer.reads("mg c c v\r\n").await;
        peer.writes("EN\r\n").await;
    };
    let send = async {
        while connection.is_silent() {
            tokio::task::yield_now().await;
        }
        server.send(get("c")).await
    };
    let (replies, ()) = tokio::join!(send, talk);
    assert_eq!(replies.unwrap(), [Reply::Absent]);
}
