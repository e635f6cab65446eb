//! The ways in which a client can be hostile, each over connections of its own.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread::sleep,
    time::Duration,
};

use actix_web::rt::time::sleep as pause;
use limiter_test_support::{
    http2::{self, Connection, Stream},
    random::Random,
};
use socket2::SockRef;

/// Attacks until the end; returns how often.
pub(super) fn run(address: SocketAddr, seed: u64, is_over: &AtomicBool) -> u64 {
    const ATTACKS: &[fn(&mut Attacker) -> Option<()>] = &[
        Attacker::resets,
        Attacker::resets_of_a_refused_client,
        Attacker::stops_sending,
        Attacker::slow_body,
        Attacker::body_that_never_ends,
        Attacker::pipeline,
        Attacker::pipeline_that_nobody_reads,
        Attacker::streams_that_end_at_once,
        Attacker::streams_that_end_early,
        Attacker::streams_that_nobody_ends,
        Attacker::odd_bytes,
        Attacker::many_keys,
        Attacker::many_paths,
        Attacker::many_methods,
    ];
    let mut attacker = Attacker { address, random: Random(seed + 1), number: 0, name: seed };
    while !is_over.load(Relaxed) {
        let attack = ATTACKS[usize::try_from(attacker.number).unwrap_or(0) % ATTACKS.len()];
        // A connection that the server has closed ends an attack early.
        let _ended_early = attack(&mut attacker);
        attacker.number += 1;
    }
    attacker.number
}

struct Attacker {
    address: SocketAddr,
    random: Random,
    number: u64,
    name: u64,
}

impl Attacker {
    fn connect(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream.set_write_timeout(Some(Duration::from_secs(2))).ok()?;
        Some(stream)
    }

    /// A connection whose end is a reset, whatever was received.
    fn connect_to_reset(&self) -> Option<TcpStream> {
        let stream = self.connect()?;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).ok()?;
        Some(stream)
    }

    /// A name that is never the same.
    fn key(&mut self) -> String {
        format!("k{}-{}-{}", self.name, self.number, self.random.below(u64::MAX))
    }

    fn get(&mut self, path: &str) -> String {
        let key = self.key();
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Client: {key}\r\nX-Round: {key}\r\n\r\n")
    }

    /// Reads for a moment what comes, and throws it away.
    fn read_some(mut stream: &TcpStream) -> Option<()> {
        let read = stream.read(&mut [0; 16 * 1024]).ok()?;
        (read > 0).then_some(())
    }

    /// Leaves 0 to 3 ms after the request, while the storage or the handler is busy with it.
    fn resets(&mut self) -> Option<()> {
        for path in ["/own", "/work", "/shared", "/failures", "/plain/x"] {
            let mut stream = self.connect_to_reset()?;
            let request = self.get(path);
            stream.write_all(request.as_bytes()).ok()?;
            sleep(Duration::from_millis(self.random.below(4)));
        }
        Some(())
    }

    /// The same as a client that has spent its limit.
    fn resets_of_a_refused_client(&mut self) -> Option<()> {
        for _ in 0..10 {
            let mut stream = self.connect_to_reset()?;
            let request = "GET /own HTTP/1.1\r\nHost: x\r\nX-Client: spent\r\nX-Round: spent\r\n\r\n";
            stream.write_all(request.repeat(3).as_bytes()).ok()?;
            sleep(Duration::from_micros(self.random.below(3000)));
        }
        Some(())
    }

    fn stops_sending(&mut self) -> Option<()> {
        let mut stream = self.connect()?;
        let request = self.get("/work");
        stream.write_all(request.as_bytes()).ok()?;
        stream.shutdown(Shutdown::Write).ok()?;
        Self::read_some(&stream)
    }

    fn slow_body(&mut self) -> Option<()> {
        let mut stream = self.connect()?;
        let key = self.key();
        let head = format!(
            "POST /upload HTTP/1.1\r\nHost: x\r\nX-Client: {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        for byte in head.into_bytes().chunks(40).chain([&b"3\r\nabc\r\n"[..]; 5]).chain([&b"0\r\n\r\n"[..]]) {
            stream.write_all(byte).ok()?;
            sleep(Duration::from_millis(1));
        }
        Self::read_some(&stream)
    }

    fn body_that_never_ends(&mut self) -> Option<()> {
        let mut stream = self.connect_to_reset()?;
        let key = self.key();
        let length = self.random.below(1 << 40);
        write!(
            stream,
            "POST /upload HTTP/1.1\r\nHost: x\r\nX-Client: {key}\r\nContent-Length: {length}\r\n\r\nabc"
        )
        .ok()?;
        sleep(Duration::from_millis(self.random.below(4)));
        Some(())
    }

    fn pipeline(&mut self) -> Option<()> {
        let mut stream = self.connect()?;
        let requests: String = (0..16).map(|_| self.get("/work")).collect();
        stream.write_all(requests.as_bytes()).ok()?;
        stream.shutdown(Shutdown::Write).ok()?;
        while Self::read_some(&stream).is_some() {}
        Some(())
    }

    fn pipeline_that_nobody_reads(&mut self) -> Option<()> {
        let mut stream = self.connect_to_reset()?;
        let requests: String = (0..64).map(|_| self.get("/own")).collect();
        stream.write_all(requests.as_bytes()).ok()?;
        sleep(Duration::from_millis(self.random.below(4)));
        Some(())
    }

    /// Resets each stream right after it has opened it, until the server closes the connection.
    fn streams_that_end_at_once(&mut self) -> Option<()> {
        self.streams(async |it, connection| {
            for _ in 0..200 {
                it.open(connection).await?.reset();
            }
            Some(())
        })
    }

    /// Resets many streams 0 to 3 ms after their requests, while the storage or the handler is busy with them.
    fn streams_that_end_early(&mut self) -> Option<()> {
        self.streams(async |it, connection| {
            for _ in 0..8 {
                let mut opened = Vec::new();
                for _ in 0..16 {
                    opened.push(it.open(connection).await?);
                }
                pause(Duration::from_millis(it.random.below(4))).await;
                opened.into_iter().for_each(Stream::reset);
            }
            Some(())
        })
    }

    /// Closes the connection while its streams are open. The first one has got its response, so that at least it has come to
    /// a handler, however busy the machine is.
    fn streams_that_nobody_ends(&mut self) -> Option<()> {
        self.streams(async |it, connection| {
            let key = it.key();
            let first = connection.get("/plain/x", &[("x-client", &key), ("x-round", &key)]).await.ok()?;
            first.status().await.ok()?;
            let mut opened = Vec::new();
            for _ in 0..64 {
                opened.push(it.open(connection).await?);
            }
            pause(Duration::from_millis(it.random.below(4))).await;
            Some(())
        })
    }

    /// Attacks over one connection of HTTP/2.
    fn streams(&mut self, attack: impl AsyncFnOnce(&mut Self, &mut Connection) -> Option<()>) -> Option<()> {
        http2::connect(self.address, async |mut connection| attack(self, &mut connection).await)?
    }

    /// A request of a client that is never the same, or of one that has spent its limit.
    async fn open(&mut self, connection: &mut Connection) -> Option<Stream> {
        const PATHS: [&str; 5] = ["/own", "/work", "/shared", "/failures", "/plain/x"];
        let key = if self.random.below(4) == 0 { "spent".to_owned() } else { self.key() };
        let path = PATHS[usize::try_from(self.random.below(5)).unwrap_or(0)];
        connection.get(path, &[("x-client", &key), ("x-round", &key)]).await.ok()
    }

    fn odd_bytes(&mut self) -> Option<()> {
        let length = 1 + self.random.below(400);
        let noise: Vec<u8> = (0..length).map(|_| self.random.byte()).collect();
        let long = "a".repeat(usize::try_from(self.random.below(60_000)).unwrap_or(0));
        let texts: Vec<Vec<u8>> = vec![
            noise.clone(),
            [b"GET / HTTP/1.1\r\nHost: x\r\nX-Client: ", noise.as_slice(), b"\r\n\r\n"].concat(),
            [b"GET /", noise.as_slice(), b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat(),
            b"GET //x%0aERROR%20forged%1b%5b31m%00%ff%2f%e2%80%ae/ HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(),
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "/".repeat(long.len())).into_bytes(),
            format!("GET / HTTP/1.1\r\nHost: x\r\nX-Client: {long}\r\n\r\n").into_bytes(),
            format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Forwarded-For: 1.2.3.4\r\n".repeat(60))
                .into_bytes(),
            b"GET / HTTP/1.1\r\nHost: x\r\nX-Client: a\r\nX-Client: b\r\nForwarded: for=\"\\\r\n\r\n"
                .to_vec(),
            b"GET * HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            b"OPTIONS /own HTTP/1.1\r\nOrigin: x\r\nAccess-Control-Request-Method: GET\r\n\r\n".to_vec(),
            b"GET /own HTTP/9.9\r\n\r\n".to_vec(),
        ];
        for text in texts {
            let mut stream = self.connect()?;
            // The server may close before it has read all.
            drop(stream.write_all(&text));
            drop(stream.shutdown(Shutdown::Write));
            Self::read_some(&stream);
        }
        Some(())
    }

    fn many_keys(&mut self) -> Option<()> {
        self.flood(|it, _| it.get("/plain/x"))
    }

    /// Paths that combine the rules by pattern, and some that match nothing.
    fn many_paths(&mut self) -> Option<()> {
        self.flood(|it, number| {
            let depth = number % 8;
            let segments =
                (0..depth).map(|_| format!("/{}", it.random.below(1 << 32))).collect::<Vec<_>>().concat();
            let path = match number % 3 {
                0 => format!("/d{}{segments}", it.random.below(8)),
                1 => format!("/d{}{segments}/x{depth}", it.random.below(8)),
                _ => format!("{segments}/x{depth}?{}", it.random.below(1 << 32)),
            };
            it.get(&path)
        })
    }

    fn many_methods(&mut self) -> Option<()> {
        self.flood(|it, _| format!("M{} /plain/x HTTP/1.1\r\nHost: x\r\n\r\n", it.random.below(1 << 32)))
    }

    /// Sends different requests over one connection, and reads all answers.
    fn flood(&mut self, request: impl Fn(&mut Self, u64) -> String) -> Option<()> {
        let mut stream = self.connect()?;
        for part in 0..8 {
            let requests: String = (0..16).map(|number| request(self, part * 16 + number)).collect();
            stream.write_all(requests.as_bytes()).ok()?;
        }
        stream.shutdown(Shutdown::Write).ok()?;
        while Self::read_some(&stream).is_some() {}
        Some(())
    }
}
