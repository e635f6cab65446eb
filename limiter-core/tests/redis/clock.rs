//! What is said of clocks that differ.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use limiter_core::storage::{RedisStorage, Storage};
use limiter_test_servers::Redis;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use crate::{log::Captured, server::ServerExt};

/// Stands in for a server whose clock is ahead by so much: no real one can be told another time. It says
/// OK to everything else.
async fn answer(stream: TcpStream, ahead: Duration) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        let parts: usize = line.trim_end().trim_start_matches('*').parse().unwrap();
        let mut words = Vec::new();
        for _ in 0..parts {
            let mut length = String::new();
            stream.read_line(&mut length).await.unwrap();
            let mut word = String::new();
            stream.read_line(&mut word).await.unwrap();
            words.push(word.trim_end().to_owned());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead;
        let seconds = now.as_secs().to_string();
        let reply = match words[0].as_str() {
            "TIME" => format!("*2\r\n${}\r\n{seconds}\r\n$1\r\n0\r\n", seconds.len()),
            _ => "+OK\r\n".to_owned(),
        };
        stream.write_all(reply.as_bytes()).await.unwrap();
        line.clear();
    }
}

async fn server_ahead(ahead: Duration) -> RedisStorage {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, ahead));
        }
    });
    RedisStorage::new(&format!("redis://127.0.0.1:{port}")).unwrap()
}

/// What was said of clocks; waits for it.
async fn said(captured: &Captured) -> Vec<String> {
    timeout(Duration::from_secs(20), async {
        loop {
            let lines: Vec<_> = captured.take().into_iter().filter(|line| line.contains("S004")).collect();
            if !lines.is_empty() {
                return lines;
            }
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it is said within 20 seconds")
}

#[tokio::test]
async fn that_are_an_hour_apart() {
    let captured = Captured::begin();
    let hour = Duration::from_secs(3600);
    let storage = server_ahead(hour).await;
    storage.probe().await.unwrap();
    let lines = said(&captured).await;
    assert!(lines.len() == 1 && lines[0].starts_with("WARN"), "{lines:?}");
    assert!(
        lines[0].contains("ahead_seconds=-3600") || lines[0].contains("ahead_seconds=-3599"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn that_are_one_and_the_same() {
    let captured = Captured::begin();
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    storage.probe().await.unwrap();
    let was_asked = |info: &str| info.contains("cmdstat_time:calls=1,");
    timeout(Duration::from_secs(20), async {
        while !was_asked(&redis::cmd("INFO").arg("commandstats").query::<String>(&mut admin).unwrap()) {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the server is asked for its time");
    for _ in 0..20 {
        storage.probe().await.unwrap();
    }
    let info: String = redis::cmd("INFO").arg("commandstats").query(&mut admin).unwrap();
    assert!(was_asked(&info), "once for each connection: {info}");
    let lines = captured.take();
    assert!(lines.iter().all(|line| !line.contains("S004")), "{lines:?}");
}
