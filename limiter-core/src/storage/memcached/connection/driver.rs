//! The task of a connection: sends requests in their order and matches the replies with them.

use std::{io, pin::pin, sync::atomic::Ordering, time::Duration};

use futures_util::future::{Either, select};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use super::ConnectionStatus;
use crate::storage::{
    address::Address,
    memcached::{
        error::MemcachedError,
        protocol::{Commands, Reply},
    },
};

/// The capacity of two queues: requests to send, and requests that wait for replies.
const MAX_REQUESTS: usize = 1024;

/// The longest wait for a reply. Requests have deadlines of their own, or have been dropped.
const MAX_SILENCE: Duration = Duration::from_secs(10);

/// The number of bytes to read at once.
const READ_SIZE: usize = 4096;

/// Commands, and the channel for their replies.
///
/// If the receiver is gone, the driver reads the replies all the same: the next request must not get them.
pub(super) struct Request {
    pub(super) commands: Commands,
    pub(super) replies: oneshot::Sender<Vec<Reply>>,
}

/// A request that was sent.
struct PendingRequest {
    replies: Vec<Reply>,
    missing: usize,
    sender: oneshot::Sender<Vec<Reply>>,
    sent: Instant,
}

/// Creates the channel to a driver.
pub(super) fn channel() -> (mpsc::Sender<Request>, mpsc::Receiver<Request>) {
    mpsc::channel(MAX_REQUESTS)
}

/// Connects and drives the connection until it fails. Updates its status.
///
/// The requests without a reply are still open when it returns, so that the caller can first publish the error.
/// They fail when the result and `requests` are dropped.
pub(super) async fn drive(
    address: &Address,
    connect_timeout: Duration,
    requests: &mut mpsc::Receiver<Request>,
    status: &ConnectionStatus,
) -> DriverExit {
    let (sender, pending) = mpsc::channel(MAX_REQUESTS);
    let mut reader = ReplyReader { pending, current: None };
    let error = match connect(address, connect_timeout).await {
        Ok((read, write)) => {
            status.is_connected.store(true, Ordering::Relaxed);
            let (reading, writing) = (pin!(reader.run(read, status)), pin!(send(write, requests, sender)));
            match select(reading, writing).await {
                Either::Left((error, _)) | Either::Right((error, _)) => error,
            }
        }
        Err(error) => error,
    };
    DriverExit { error, _pending: reader }
}

/// The end of a connection: the error, and the requests without a reply.
pub(super) struct DriverExit {
    pub(super) error: MemcachedError,
    _pending: ReplyReader,
}

/// Connects and waits for the reply to a first command: a server that hangs still accepts connections.
async fn connect(
    address: &Address,
    connect_timeout: Duration,
) -> Result<(OwnedReadHalf, OwnedWriteHalf), MemcachedError> {
    let attempt = async {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
        // Requests are short: collecting them would delay each by 40 ms and save nothing.
        stream.set_nodelay(true)?;
        io::Result::Ok(stream.into_split())
    };
    let timed_out = || MemcachedError::connecting(&io::ErrorKind::TimedOut.into());
    let attempt = timeout(connect_timeout, attempt).await.map_err(|_| timed_out())?;
    let (mut read, mut write) = attempt.map_err(|error| MemcachedError::connecting(&error))?;
    timeout(connect_timeout, handshake(&mut read, &mut write)).await.map_err(|_| timed_out())??;
    Ok((read, write))
}

async fn handshake(read: &mut OwnedReadHalf, write: &mut OwnedWriteHalf) -> Result<(), MemcachedError> {
    let mut commands = Commands::default();
    commands.no_op();
    write.write_all(commands.text.as_bytes()).await.map_err(|error| MemcachedError::lost(&error))?;
    let mut bytes = Vec::new();
    loop {
        read_more(read, &mut bytes).await?;
        match Reply::parse(&bytes).map_err(|malformed| MemcachedError::malformed(&malformed))? {
            Some((Reply::NoOp, length)) if length == bytes.len() => return Ok(()),
            Some((Reply::Failed(text), _)) => return Err(MemcachedError::from_server(&text)),
            Some(_) => return Err(MemcachedError::UNEXPECTED),
            None => {}
        }
    }
}

/// Sends requests until the channel closes or the connection fails.
async fn send(
    mut write: OwnedWriteHalf,
    requests: &mut mpsc::Receiver<Request>,
    pending: mpsc::Sender<PendingRequest>,
) -> MemcachedError {
    while let Some(Request { commands, replies: sender }) = requests.recv().await {
        // A request that was dropped before it was sent counts nothing.
        if sender.is_closed() {
            continue;
        }
        let replies = Vec::with_capacity(commands.replies);
        let request = PendingRequest { replies, missing: commands.replies, sender, sent: Instant::now() };
        if pending.send(request).await.is_err() {
            break;
        }
        if let Err(error) = write.write_all(commands.text.as_bytes()).await {
            return MemcachedError::lost(&error);
        }
    }
    MemcachedError::ENDED
}

/// Reads replies, also while no request is pending, to notice at once that the server closes the connection.
struct ReplyReader {
    pending: mpsc::Receiver<PendingRequest>,
    current: Option<PendingRequest>,
}

impl ReplyReader {
    async fn run(&mut self, mut read: OwnedReadHalf, status: &ConnectionStatus) -> MemcachedError {
        let mut bytes = Vec::with_capacity(READ_SIZE);
        loop {
            match timeout(MAX_SILENCE, read_more(&mut read, &mut bytes)).await {
                Ok(Err(error)) => return error,
                Err(_) if self.has_waited(MAX_SILENCE) => return MemcachedError::SILENT,
                Ok(Ok(())) | Err(_) => {}
            }
            let mut used = 0;
            loop {
                match Reply::parse(&bytes[used..]) {
                    Ok(Some((reply, length))) => {
                        used += length;
                        status.replies.fetch_add(1, Ordering::Relaxed);
                        if !self.deliver(reply) {
                            return MemcachedError::UNEXPECTED;
                        }
                    }
                    Ok(None) => break,
                    Err(malformed) => return MemcachedError::malformed(&malformed),
                }
            }
            bytes.drain(..used);
        }
    }

    /// Returns whether the request that is next was sent so long ago.
    fn has_waited(&mut self, time: Duration) -> bool {
        self.current = self.next();
        self.current.as_ref().is_some_and(|request| request.sent.elapsed() >= time)
    }

    /// Takes the request that is next.
    fn next(&mut self) -> Option<PendingRequest> {
        self.current.take().or_else(|| self.pending.try_recv().ok())
    }

    /// Adds a reply to the request that is next; returns whether there is one.
    fn deliver(&mut self, reply: Reply) -> bool {
        let Some(mut request) = self.next() else { return false };
        request.replies.push(reply);
        request.missing -= 1;
        if request.missing > 0 {
            self.current = Some(request);
        } else {
            // An error means that the request was dropped.
            let _ = request.sender.send(request.replies);
        }
        true
    }
}

/// Appends the bytes of one read. `bytes` stays short: it holds at most one incomplete reply.
async fn read_more(read: &mut OwnedReadHalf, bytes: &mut Vec<u8>) -> Result<(), MemcachedError> {
    bytes.reserve(READ_SIZE);
    match read.read_buf(bytes).await {
        Ok(0) => Err(MemcachedError::lost(&io::ErrorKind::UnexpectedEof.into())),
        Ok(_) => Ok(()),
        Err(error) => Err(MemcachedError::lost(&error)),
    }
}
