//! Live updates.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use actix_web::HttpServer;
use limiter_actix::Limiter;
use limiter_test_support::{client::Client, server::serve};
use serde_json::Value;

use crate::{app, build};

/// Opens a stream of events; returns its reader once the response has begun, or else the status.
fn open(address: SocketAddr) -> Result<BufReader<TcpStream>, u16> {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
    let request = "GET /limiter/api/v1/events HTTP/1.1\r\nHost: localhost\r\nX-Operator: viewer\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).expect("a status line");
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    if status == 200 { Ok(reader) } else { Err(status) }
}

fn next_event(reader: &mut BufReader<TcpStream>) -> Value {
    let mut line = String::new();
    while !line.starts_with("data: ") {
        line.clear();
        assert!(reader.read_line(&mut line).expect("the stream goes on") > 0, "it has ended");
    }
    serde_json::from_str(line["data: ".len()..].trim_end()).expect("JSON")
}

#[test]
fn events_show_what_happens_and_streams_are_bounded() {
    let limiter = build(Limiter::builder());
    let server =
        serve(move |listener| Ok(HttpServer::new(move || app(&limiter)).workers(1).listen(listener)?.run()));
    let mut stream = open(server.address).expect("a stream");
    let before = next_event(&mut stream);
    assert_eq!(before["minutes"][59]["allowed"], 0);
    let mut client = Client::connect(server.address);
    assert_eq!(client.get("/search").status, 200);
    let allowed = |event: &Value| {
        let minutes = event["minutes"].as_array().expect("minutes");
        minutes.iter().filter_map(|minute| minute["allowed"].as_u64()).sum::<u64>()
    };
    while allowed(&next_event(&mut stream)) == 0 {}

    let mut streams = vec![stream];
    streams.extend((1..16).map(|_| open(server.address).expect("a stream")));
    assert_eq!(open(server.address).map(drop), Err(503));
    streams.clear();
    // The server notices at the next event.
    while open(server.address).is_err() {
        std::thread::sleep(Duration::from_millis(100));
    }
}
