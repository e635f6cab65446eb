//! A client of HTTP/2 over plain TCP, which knows that the server speaks it.

use std::{future::Future, net::SocketAddr};

use actix_web::{http::Method, rt::System, web::Bytes};
use h2::{
    Error, Reason, SendStream,
    client::{self, ResponseFuture, SendRequest},
};
use http::Request;
use tokio::net::TcpStream;

/// A connection that opens streams.
#[derive(Debug)]
pub struct Connection(SendRequest<Bytes>);

/// A stream whose request has been sent.
#[derive(Debug)]
pub struct Stream {
    response: ResponseFuture,
    request: SendStream<Bytes>,
}

impl Connection {
    /// Connects; none if the server does not speak HTTP/2.
    async fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        let (requests, connection) = client::handshake(stream).await.ok()?;
        // How a connection ends shows at its streams.
        actix_web::rt::spawn(async { drop(connection.await) });
        Some(Self(requests))
    }

    /// Opens a stream with a GET.
    ///
    /// # Errors
    ///
    /// If the server has closed the connection, or the target or a header is invalid.
    pub async fn get(&mut self, target: &str, headers: &[(&str, &str)]) -> Result<Stream, Error> {
        let mut request = Request::builder().method(Method::GET).uri(format!("http://localhost{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).map_err(|_| Reason::PROTOCOL_ERROR)?;
        self.0 = self.0.clone().ready().await?;
        let (response, request) = self.0.send_request(request, true)?;
        Ok(Stream { response, request })
    }
}

impl Stream {
    /// The status of the response.
    ///
    /// # Errors
    ///
    /// If the server resets the stream or closes the connection.
    pub async fn status(self) -> Result<u16, Error> {
        Ok(self.response.await?.status().as_u16())
    }

    /// Sends `RST_STREAM`.
    pub fn reset(mut self) {
        self.request.send_reset(Reason::CANCEL);
    }
}

/// Runs something with a new connection; none if there is no server of HTTP/2.
pub fn connect<F: Future>(address: SocketAddr, run: impl FnOnce(Connection) -> F) -> Option<F::Output> {
    System::new().block_on(async { Some(run(Connection::open(address).await?).await) })
}

/// Sends one GET over each of `streams` streams of one connection, all before the first response is read; returns
/// the status of each.
///
/// # Panics
///
/// If a stream ends without a response.
pub fn get_at_once(address: SocketAddr, target: &str, streams: usize) -> Vec<u16> {
    let statuses = connect(address, |mut connection| async move {
        let mut opened = Vec::new();
        for _ in 0..streams {
            opened.push(connection.get(target, &[]).await.expect("a stream"));
        }
        let mut statuses = Vec::new();
        for stream in opened {
            statuses.push(stream.status().await.expect("a response"));
        }
        statuses
    });
    statuses.expect("the server speaks HTTP/2")
}
