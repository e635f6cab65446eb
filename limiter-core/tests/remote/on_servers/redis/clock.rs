//! The log of clocks that differ.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use limiter_core::storage::{RedisStorage, Storage};
use limiter_test_servers::Redis;
use tokio::time::{sleep, timeout};

use crate::{
    log::LogCapture,
    on_servers::redis::{server::Administered, stand_in},
    server::Server,
};

/// A server whose clock is ahead by so much: that of a real one cannot be set.
async fn server_ahead(ahead: Duration) -> RedisStorage {
    stand_in::server(move |command| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead;
        let [seconds, micros] = [now.as_secs().to_string(), now.subsec_micros().to_string()];
        match command {
            "TIME" => format!("*2\r\n${}\r\n{seconds}\r\n${}\r\n{micros}\r\n", seconds.len(), micros.len()),
            _ => "+OK\r\n".to_owned(),
        }
    })
    .await
}

/// Waits for the lines about clocks.
async fn logged(captured: &LogCapture) -> Vec<String> {
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
    .expect("it is logged within 20 seconds")
}

#[tokio::test]
async fn clocks_an_hour_apart_are_logged() {
    let captured = LogCapture::begin();
    let hour = Duration::from_secs(3600);
    let storage = server_ahead(hour).await;
    storage.probe().await.unwrap();
    let lines = logged(&captured).await;
    assert!(lines.len() == 1 && lines[0].starts_with("WARN"), "{lines:?}");
    // The answer takes a while, which a busy machine adds to.
    let (_, ahead) = lines[0].split_once("ahead_seconds=").expect("it has the difference");
    let ahead = ahead.split(' ').next().and_then(|ahead| ahead.parse().ok());
    assert!(ahead.is_some_and(|ahead| (-3600..=-3590).contains(&ahead)), "{lines:?}");
}

#[tokio::test]
async fn one_clock_is_not_logged() {
    let captured = LogCapture::begin();
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    storage.probe().await.unwrap();
    let was_asked = |info: &str| info.contains("cmdstat_time:calls=1,");
    timeout(Duration::from_secs(20), async {
        while !was_asked(&admin.info("commandstats")) {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the server is asked for its time");
    for _ in 0..20 {
        storage.probe().await.unwrap();
    }
    let info = admin.info("commandstats");
    assert!(was_asked(&info), "once for each connection: {info}");
    let lines = captured.take();
    assert!(lines.iter().all(|line| !line.contains("S004")), "{lines:?}");
}
