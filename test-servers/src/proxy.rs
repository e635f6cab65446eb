use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};

/// A way to a server of 127.0.0.1 that can be made slow, or cut.
#[derive(Clone, Debug)]
pub struct Proxy {
    port: u16,
    way: Arc<Way>,
}

#[derive(Debug, Default)]
struct Way {
    /// Before each piece of an answer.
    delay_millis: AtomicU64,
    /// The bytes of answers that are still let through, plus 1; 0 when there is no end.
    rest: AtomicU64,
    /// The connections so far.
    connections: AtomicU64,
    /// The round trips so far.
    trips: AtomicU64,
    /// Whether no answer has come since the last request.
    is_asked: AtomicBool,
    /// Whether nothing comes through.
    is_cut: watch::Sender<bool>,
}

impl Proxy {
    /// Opens a way to the server on this port, on a port of its own.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let proxy = Self { port, way: Arc::default() };
        let way = Arc::clone(&proxy.way);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                way.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(join(client, server, Arc::clone(&way)));
            }
        });
        proxy
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of connections that were made so far.
    pub fn connections(&self) -> u64 {
        self.way.connections.load(Ordering::SeqCst)
    }

    /// The number of round trips so far: of requests that came after an answer. All connections count together.
    pub fn trips(&self) -> u64 {
        self.way.trips.load(Ordering::SeqCst)
    }

    /// Delays each piece of an answer.
    pub fn delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.way.delay_millis.store(millis, Ordering::SeqCst);
    }

    /// Lets so many more bytes of answers through, and then closes the connection.
    pub fn cut_after(&self, bytes: u64) {
        self.way.rest.store(bytes + 1, Ordering::SeqCst);
    }

    /// Closes all connections, and new ones at once, until it is mended.
    pub fn cut(&self) {
        self.way.is_cut.send_replace(true);
    }

    /// Lets new connections through again, as they were before all faults.
    pub fn mend(&self) {
        self.way.is_cut.send_replace(false);
        self.way.rest.store(0, Ordering::SeqCst);
        self.delay(Duration::ZERO);
    }
}

async fn join(client: TcpStream, server: u16, way: Arc<Way>) {
    let mut is_cut = way.is_cut.subscribe();
    if *is_cut.borrow_and_update() {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = pass_requests(from_client, to_server, &way) => {}
        () = pass_answers(from_server, to_client, &way) => {}
        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
    }
}

async fn pass_requests(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, way: &Way) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if !way.is_asked.swap(true, Ordering::SeqCst) {
            way.trips.fetch_add(1, Ordering::SeqCst);
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

async fn pass_answers(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, way: &Way) {
    let mut piece = [0; 4096];
    while let Ok(mut length @ 1..) = from.read(&mut piece).await {
        let delay = Duration::from_millis(way.delay_millis.load(Ordering::SeqCst));
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let rest = way.rest.load(Ordering::SeqCst);
        let ends = rest > 0 && rest - 1 <= length as u64;
        if ends {
            length = usize::try_from(rest - 1).expect("it is at most a length");
            way.rest.store(0, Ordering::SeqCst);
        } else if rest > 0 {
            way.rest.store(rest - length as u64, Ordering::SeqCst);
        }
        way.is_asked.store(false, Ordering::SeqCst);
        if to.write_all(&piece[..length]).await.is_err() || ends {
            return;
        }
    }
}
