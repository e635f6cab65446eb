use std::{future::Future, pin::pin, task::Poll};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::*;

/// A server that says what the test wants it to.
struct Server {
    listener: TcpListener,
    lines: Lines,
}

/// The server's end of a connection.
struct Peer(BufReader<TcpStream>);

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Address { host: "127.0.0.1".to_owned(), port };
        Self { listener, lines: Lines::new(address, Duration::from_secs(5)) }
    }

    async fn accept(&self) -> Peer {
        Peer(BufReader::new(self.listener.accept().await.unwrap().0))
    }

    /// A line that is in use, and its other end.
    async fn line(&self) -> (Arc<Line>, Peer) {
        let line = self.lines.line().unwrap();
        let mut peer = self.accept().await;
        peer.reads("mn\r\n").await;
        peer.says("MN\r\n").await;
        while !line.is_greeted() {
            tokio::task::yield_now().await;
        }
        (line, peer)
    }
}

impl Peer {
    async fn reads(&mut self, expected: &str) {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        assert_eq!(line, expected);
    }

    async fn says(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }
}

fn get(key: &str) -> Commands {
    let mut commands = Commands::default();
    commands.get(key);
    commands
}

/// Begins to ask, and waits until the question was sent; then gives up.
async fn ask_and_give_up(asking: impl Future<Output = Result<Vec<Reply>, Failure>>, sent: impl Future) {
    let mut asking = pin!(asking);
    let begun = std::future::poll_fn(|context| match asking.as_mut().poll(context) {
        Poll::Ready(answer) => panic!("there cannot be an answer yet: {answer:?}"),
        Poll::Pending => Poll::Ready(()),
    });
    begun.await;
    sent.await;
}

/// The defect: the next question gets the reply to one that was given up.
#[tokio::test]
async fn what_was_given_up_is_read_by_nobody() {
    let server = Server::start().await;
    let (line, mut peer) = server.line().await;
    ask_and_give_up(server.lines.ask(&line, get("a")), peer.reads("mg a c v\r\n")).await;
    let next = async {
        peer.reads("mg b c v\r\n").await;
        peer.says("VA 1 c1\r\na\r\n").await;
        peer.says("VA 1 c2\r\nb\r\n").await;
    };
    let (reply, ()) = tokio::join!(server.lines.ask(&line, get("b")), next);
    assert_eq!(reply.unwrap(), [Reply::Value(2, "b".to_owned())]);
}

/// Nobody knows when packets vanish; a line on which nobody is answered is not asked again.
#[tokio::test]
async fn a_line_that_was_given_up_is_replaced() {
    let server = Server::start().await;
    let (line, mut peer) = server.line().await;
    ask_and_give_up(server.lines.ask(&line, get("a")), peer.reads("mg a c v\r\n")).await;
    let (next, _peer) = server.line().await;
    assert!(!Arc::ptr_eq(&line, &next));
}

#[tokio::test]
async fn replies_in_pieces_and_together_are_told_apart() {
    let server = Server::start().await;
    let (line, mut peer) = server.line().await;
    let mut twice = get("a");
    twice.get("b");
    let talk = async {
        for line in ["mg a c v\r\n", "mg b c v\r\n", "mg c c v\r\n"] {
            peer.reads(line).await;
        }
        for piece in ["VA 1", " c1\r\na", "\r\nEN\r\nVA 2 c3\r\n\r\n", "\r\n"] {
            peer.says(piece).await;
            tokio::task::yield_now().await;
        }
    };
    let (first, second, ()) =
        tokio::join!(server.lines.ask(&line, twice), server.lines.ask(&line, get("c")), talk);
    assert_eq!(first.unwrap(), [Reply::Value(1, "a".to_owned()), Reply::Absent]);
    assert_eq!(second.unwrap(), [Reply::Value(3, "\r\n".to_owned())]);
}

#[tokio::test]
async fn what_nobody_asked_ends_the_connection() {
    for said in ["EN\r\n", "HTTP/1.1 400 Bad Request\r\n", "VA 513 c1\r\n"] {
        let server = Server::start().await;
        let (line, mut peer) = server.line().await;
        peer.says(said).await;
        let ended = async {
            while !line.questions.is_closed() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(5), ended).await.expect(said);
        assert!(server.lines.ask(&line, get("a")).await.is_err());
        let (next, _peer) = server.line().await;
        assert!(!Arc::ptr_eq(&line, &next));
    }
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_wait() {
    let server = Server::start().await;
    let (line, mut peer) = server.line().await;
    let talk = async {
        peer.reads("mg a c v\r\n").await;
        peer.reads("mg b c v\r\n").await;
        peer.says("CLIENT_ERROR bad data chunk\r\n").await;
    };
    let ask = |key| server.lines.ask(&line, get(key));
    let (first, second, ()) = tokio::join!(ask("a"), ask("b"), talk);
    for answer in [first, second] {
        let failure = format!("{:?}", answer.unwrap_err());
        assert!(failure.contains("CLIENT_ERROR bad data chunk"), "{failure}");
    }
}

/// Requests that come while it connects wait for one attempt; when it hangs, later ones do not wait at all.
#[tokio::test]
async fn a_server_that_takes_connections_and_says_nothing_is_silent() {
    let server = Server::start().await;
    let line = server.lines.line().unwrap();
    let mut peer = server.accept().await;
    ask_and_give_up(server.lines.ask(&line, get("a")), peer.reads("mn\r\n")).await;
    assert!(Arc::ptr_eq(&line, &server.lines.line().unwrap()), "it goes on connecting");
    assert!(server.lines.ask(&line, get("b")).await.is_err());
    peer.says("MN\r\n").await;
    let talk = async {
        // What was given up is not even sent.
        peer.reads("mg c c v\r\n").await;
        peer.says("EN\r\n").await;
    };
    let ask = async {
        while line.is_silent() {
            tokio::task::yield_now().await;
        }
        server.lines.ask(&line, get("c")).await
    };
    let (answer, ()) = tokio::join!(ask, talk);
    assert_eq!(answer.unwrap(), [Reply::Absent]);
}
