//! Servers in threads of their own.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use actix_web::{
    dev::{self, ServerHandle},
    rt,
};

/// A server that listens on a free port of 127.0.0.1 until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// The runtime of a server.
#[derive(Clone, Copy, Debug)]
pub enum Runtime {
    /// `#[actix_web::main]`: there is an actix `System`.
    Actix,
    /// `#[tokio::main]`: there is none.
    Tokio,
}

/// Runs what `make` makes of a listener.
pub fn serve(make: impl FnOnce(TcpListener) -> io::Result<dev::Server> + Send + 'static) -> Server {
    serve_on(Runtime::Actix, make)
}

/// Runs what `make` makes of a listener, on this runtime.
///
/// # Panics
///
/// When it does not start.
pub fn serve_on(
    runtime: Runtime,
    make: impl FnOnce(TcpListener) -> io::Result<dev::Server> + Send + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    let (started, handle) = mpsc::channel();
    let thread = thread::spawn(move || {
        let run = async {
            let server = make(listener)?;
            started.send(server.handle()).expect("somebody waits for the server");
            server.await
        };
        match runtime {
            Runtime::Actix => rt::System::new().block_on(run),
            Runtime::Tokio => tokio::runtime::Runtime::new()?.block_on(run),
        }
    });
    let handle = handle.recv().expect("the server starts");
    Server { address, handle, thread: Some(thread) }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is on its way when this returns; its future only waits.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            // The result of the server is of no interest any more.
            drop(thread.join());
        }
    }
}
