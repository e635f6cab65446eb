//! The client, and what a server has used.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use limiter_peers::Child;

use crate::side::{Side, Traffic};

/// So many that the server seldom has to wait for a request: how often it goes to sleep is chance.
const CONNECTIONS: usize = 32;
const IDS: u32 = 100_000;

/// Eleven headers that browsers send beside `Host`, 900 bytes with the cookies.
const BROWSER: &str = "\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
    Accept: application/json, text/plain, */*\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
    Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4\r\n\
    Cache-Control: no-cache\r\n\
    Cookie: session=5f0c9a1b7e3d4c2a8b6f; theme=dark; consent=1; visitor=0d6c2b1a-9f8e-4d7c-8b5a-4f3e2d1c0b9a\r\n\
    Referer: https://shop.example.com/catalogue/books?page=3&order=price\r\n\
    Sec-Fetch-Dest: empty\r\n\
    Sec-Fetch-Mode: cors\r\n\
    Sec-Fetch-Site: same-origin\r\n";

/// How long an answer may take before something is wrong.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server under load.
pub struct Load {
    server: Child,
    connections: Vec<BufReader<TcpStream>>,
    name: String,
    status: &'static str,
    /// How many dynamic routes there are.
    routes: u32,
    traffic: Traffic,
    random: u64,
    /// The latest id that was never there before.
    newest: u32,
}

impl Load {
    pub fn new(mut server: Child, side: &Side) -> Self {
        let address = server.line();
        let connect = |_| {
            let stream = TcpStream::connect(&address).expect("it listens");
            stream.set_read_timeout(Some(DEADLINE)).expect("a deadline can be set");
            BufReader::new(stream)
        };
        let mut load = Self {
            connections: (0..CONNECTIONS).map(connect).collect(),
            server,
            name: side.name(),
            status: "200",
            routes: u32::try_from(side.routes / 2).expect("there are few routes"),
            traffic: side.traffic,
            random: 7,
            newest: IDS,
        };
        if side.refuses() {
            // The first one is admitted.
            load.ask(0);
            load.read(0);
            load.status = "429";
        }
        load
    }

    /// Asks on all connections at once, then reads all answers, again and again.
    pub fn micros_a_request(&mut self, requests: usize) -> f64 {
        let before = self.cpu_nanos();
        for _ in 0..requests / CONNECTIONS {
            (0..CONNECTIONS).for_each(|connection| self.ask(connection));
            (0..CONNECTIONS).for_each(|connection| self.read(connection));
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a few seconds of nanoseconds fit, and so do thousands"
        )]
        let (nanos, requests) =
            ((self.cpu_nanos() - before) as f64, (requests / CONNECTIONS * CONNECTIONS) as f64);
        nanos / 1000.0 / requests
    }

    fn ask(&mut self, connection: usize) {
        let (path, headers) = match self.traffic {
            Traffic::Hello => ("/hello".into(), ""),
            Traffic::Browser => ("/page".into(), BROWSER),
            Traffic::Zipf => (self.path(Self::zipf), ""),
            Traffic::Uniform => (self.path(Self::uniform), ""),
            Traffic::New => (self.path(Self::new_id), ""),
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let stream = self.connections[connection].get_mut();
        stream.write_all(request.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Of one of all dynamic routes: an id always stands in the same one.
    fn path(&mut self, id: fn(&mut Self) -> u32) -> String {
        let id = id(self);
        format!("/things{}/{id}/parts", id.wrapping_mul(2_654_435_761) % self.routes)
    }

    /// The continuous law, cut to whole numbers.
    fn zipf(&mut self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 100 000")]
        let id = f64::from(IDS).powf(self.fraction()) as u32;
        id
    }

    fn uniform(&mut self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100 000")]
        let id = (f64::from(IDS) * self.fraction()) as u32;
        id
    }

    fn new_id(&mut self) -> u32 {
        self.newest += 1;
        self.newest
    }

    /// A random number from 0 to 1, the same ones in each run.
    fn fraction(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let fraction = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }

    fn read(&mut self, connection: usize) {
        let status = read_answer(&mut self.connections[connection]);
        let status = status.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert_eq!(status, self.status, "{}", self.name);
    }

    /// What all threads of the server have used so far. The kernel tells it as of when a thread last stopped, so
    /// the worker is given the time to stop.
    fn cpu_nanos(&self) -> u64 {
        thread::sleep(Duration::from_millis(1));
        let threads = fs::read_dir(format!("/proc/{}/task", self.server.id())).expect("Linux tells");
        let used = |thread: fs::DirEntry| -> u64 {
            let text = fs::read_to_string(thread.path().join("schedstat")).expect("Linux tells");
            let nanos = text.split(' ').next().expect("it begins with a number");
            nanos.parse().expect("it is a number of nanoseconds")
        };
        threads.map(|thread| used(thread.expect("it is a folder"))).sum()
    }
}

/// Reads an answer whole; returns its status.
fn read_answer(connection: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut line, mut status, mut length) = (String::new(), None, 0);
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        if status.is_none() {
            status = line.split(' ').nth(1).map(String::from);
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(status.unwrap_or_default())
}
