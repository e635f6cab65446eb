//! A stand-in for a server, where no real one can be made to answer so.

use limiter_core::storage::RedisStorage;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A storage whose server answers to the name of each command.
pub(crate) async fn server(reply: impl Fn(&str) -> String + Clone + Send + 'static) -> RedisStorage {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, reply.clone()));
        }
    });
    RedisStorage::new(&format!("redis://127.0.0.1:{port}")).unwrap()
}

async fn answer(stream: TcpStream, reply: impl Fn(&str) -> String) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        let parts: usize = line.trim_end().trim_start_matches('*').parse().unwrap();
        let mut words = Vec::new();
        for _ in 0..parts {
            let mut length = String::new();
            stream.read_line(&mut length).await.unwrap();
            let length: usize = length.trim_end().trim_start_matches('$').parse().unwrap();
            let mut word = vec![0; length + 2];
            stream.read_exact(&mut word).await.unwrap();
            words.push(String::from_utf8_lossy(&word[..length]).into_owned());
        }
        stream.write_all(reply(&words[0]).as_bytes()).await.unwrap();
        line.clear();
    }
}
