//! What drives a connection: it sends questions in their order, and gives each the replies to it.

use std::{
    io,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    address::Address,
    failure::Failure,
    wire::{Commands, Reply},
};

/// How many questions may wait to be sent, and how many for their replies. Whoever comes later waits.
const QUEUE: usize = 1024;

/// How much is read at once, at most.
const PIECE: usize = 4096;

/// Commands, and who waits for the replies to all of them. When nobody does any more they are read all the same:
/// the next question must not get them.
pub(super) struct Question {
    pub(super) commands: Commands,
    pub(super) answer: oneshot::Sender<Vec<Reply>>,
}

/// A question that was sent.
struct Asked {
    replies: Vec<Reply>,
    missing: usize,
    answer: oneshot::Sender<Vec<Reply>>,
}

/// A way to ask, and what it leads to.
pub(super) fn questions() -> (mpsc::Sender<Question>, mpsc::Receiver<Question>) {
    mpsc::channel(QUEUE)
}

/// Connects and drives the connection until it fails; says when the server has taken it. All questions are unanswered when it returns, but still
/// wait: who drops `questions` tells them.
pub(super) async fn drive(
    address: &Address,
    patience: Duration,
    questions: &mut mpsc::Receiver<Question>,
    is_greeted: &AtomicBool,
) -> Driven {
    let (sender, asked) = mpsc::channel(QUEUE);
    let mut reader = Reader { asked, current: None };
    let failure = match connect(address, patience).await {
        Ok((read, write)) => {
            is_greeted.store(true, Ordering::Relaxed);
            let (reading, writing) = (pin!(reader.run(read)), pin!(send(write, questions, sender)));
            match select(reading, writing).await {
                Either::Left((failure, _)) | Either::Right((failure, _)) => failure,
            }
        }
        Err(failure) => failure,
    };
    Driven { failure, _unanswered: reader }
}

/// How a connection ended, with the questions that it leaves.
pub(super) struct Driven {
    pub(super) failure: Failure,
    _unanswered: Reader,
}

/// Connects, and makes sure that somebody answers: a server that hangs takes connections all the same.
async fn connect(address: &Address, patience: Duration) -> Result<(OwnedReadHalf, OwnedWriteHalf), Failure> {
    let attempt = async {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
        // Questions are short: to collect them before sending costs 40 ms and saves nothing.
        stream.set_nodelay(true)?;
        io::Result::Ok(stream.into_split())
    };
    let (mut read, mut write) = match timeout(patience, attempt).await {
        Ok(attempt) => attempt.map_err(|error| Failure::of_connecting(&error))?,
        Err(_) => return Err(Failure::of_connecting(&io::ErrorKind::TimedOut.into())),
    };
    match timeout(patience, greet(&mut read, &mut write)).await {
        Ok(greeted) => greeted.map(|()| (read, write)),
        Err(_) => Err(Failure::of_connecting(&io::ErrorKind::TimedOut.into())),
    }
}

async fn greet(read: &mut OwnedReadHalf, write: &mut OwnedWriteHalf) -> Result<(), Failure> {
    let mut greeting = Commands::default();
    greeting.nothing();
    write.write_all(greeting.text.as_bytes()).await.map_err(|error| Failure::of_connection(&error))?;
    let mut bytes = Vec::new();
    loop {
        more(read, &mut bytes).await?;
        match Reply::parse(&bytes).map_err(|malformed| Failure::malformed(&malformed))? {
            Some((Reply::Alive, length)) if length == bytes.len() => return Ok(()),
            Some((Reply::Failed(said), _)) => return Err(Failure::of_server(&said)),
            Some(_) => return Err(Failure::UNEXPECTED),
            None => {}
        }
    }
}

/// Sends questions as they come, until there cannot be any more.
async fn send(
    mut write: OwnedWriteHalf,
    questions: &mut mpsc::Receiver<Question>,
    asked: mpsc::Sender<Asked>,
) -> Failure {
    while let Some(Question { commands, answer }) = questions.recv().await {
        // What was given up before it was sent is not counted.
        if answer.is_closed() {
            continue;
        }
        let replies = Vec::with_capacity(commands.replies);
        let waiting = Asked { replies, missing: commands.replies, answer };
        if asked.send(waiting).await.is_err() {
            break;
        }
        if let Err(error) = write.write_all(commands.text.as_bytes()).await {
            return Failure::of_connection(&error);
        }
    }
    Failure::ENDED
}

/// Reads replies. It reads when none is expected, too: so it is known at once when the server closes.
struct Reader {
    asked: mpsc::Receiver<Asked>,
    current: Option<Asked>,
}

impl Reader {
    async fn run(&mut self, mut read: OwnedReadHalf) -> Failure {
        let mut bytes = Vec::with_capacity(PIECE);
        loop {
            if let Err(failure) = more(&mut read, &mut bytes).await {
                return failure;
            }
            let mut used = 0;
            loop {
                match Reply::parse(&bytes[used..]) {
                    Ok(Some((reply, length))) => {
                        used += length;
                        if !self.take(reply) {
                            return Failure::UNEXPECTED;
                        }
                    }
                    Ok(None) => break,
                    Err(malformed) => return Failure::malformed(&malformed),
                }
            }
            bytes.drain(..used);
        }
    }

    /// Gives a reply to the question that is next; tells whether there is one.
    fn take(&mut self, reply: Reply) -> bool {
        let Some(mut asked) = self.current.take().or_else(|| self.asked.try_recv().ok()) else {
            return false;
        };
        asked.replies.push(reply);
        asked.missing -= 1;
        if asked.missing > 0 {
            self.current = Some(asked);
        } else {
            // Nobody may be waiting any more.
            let _ = asked.answer.send(asked.replies);
        }
        true
    }
}

/// Reads a piece more. What has not been parsed is never longer than a reply may be.
async fn more(read: &mut OwnedReadHalf, bytes: &mut Vec<u8>) -> Result<(), Failure> {
    bytes.reserve(PIECE);
    match read.read_buf(bytes).await {
        Ok(0) => Err(Failure::of_connection(&io::ErrorKind::UnexpectedEof.into())),
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::of_connection(&error)),
    }
}
