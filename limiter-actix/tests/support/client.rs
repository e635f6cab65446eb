//! A blocking client that sends requests byte by byte, as they are.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// A connection to a server. It is kept alive between requests.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// The answer of a server.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    ///
    /// When nobody listens there.
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server listens"))
    }

    /// Connects from this address of the machine, of which it has all of 127.0.0.0/8.
    ///
    /// # Panics
    ///
    /// When nobody listens there, or the machine does not have the address.
    pub fn connect_from(source: IpAddr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((source, 0)).into()).expect("an address of this machine");
        socket.connect(&address.into()).expect("the server listens");
        Self::over(socket.into())
    }

    /// A client that uses this connection.
    ///
    /// # Panics
    ///
    /// When the connection is gone.
    pub fn over(stream: TcpStream) -> Self {
        // Ends a test that would wait for ever.
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
        stream.set_nodelay(true).expect("a socket can be told not to wait");
        Self { stream: BufReader::new(stream) }
    }

    /// Asks for a target with GET.
    pub fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, &[])
    }

    /// Sends a request without a body, its target as it is, and reads the answer.
    pub fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(method, target, headers);
        self.read(method == "HEAD")
    }

    /// Sends a request without a body. Unless one of the headers is `Host`, that is added.
    ///
    /// # Panics
    ///
    /// When the connection is gone.
    pub fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) {
        let mut text = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text.push_str("Host: localhost\r\n");
        }
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        self.stream.get_mut().write_all(text.as_bytes()).expect("the server reads");
    }

    /// Reads an answer.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn read(&mut self, has_no_body: bool) -> Answer {
        self.try_read(has_no_body).expect("the server answers")
    }

    /// Reads an answer; none when the connection ends before.
    pub fn try_read(&mut self, has_no_body: bool) -> Option<Answer> {
        let first = self.line()?;
        let status = first.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: String::new() };
        if !has_no_body {
            let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap_or(0));
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).ok()?;
            answer.body = String::from_utf8_lossy(&body).into_owned();
        }
        Some(answer)
    }

    /// None at the end of the stream.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }
}

impl Answer {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Sends one GET over each of `connections` new connections, all before the first answer is read; returns the
/// status of each.
pub fn get_at_once(address: SocketAddr, target: &str, connections: usize) -> Vec<u16> {
    let mut clients: Vec<_> = (0..connections).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        client.send("GET", target, &[]);
    }
    clients.iter_mut().map(|client| client.read(false).status).collect()
}
