//! Tokens of a language model: an estimate is reserved, the stream of the answer is forwarded, and what it took is
//! settled at its end, also if the client leaves in the middle.
//!
//! The model is a fake in this program, on a port of its own. It answers with one word of the prompt after the other, as
//! server-sent events, and ends with the number of tokens.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use std::{io, net::SocketAddr, time::Duration};

use actix_web::{
    App, Error, HttpResponse, HttpServer,
    dev::ServiceRequest,
    error::ErrorBadGateway,
    get, post,
    rt::{
        net::{TcpListener, TcpStream},
        spawn, time,
    },
    web::{Bytes, Data},
};
use futures_util::stream;
use limiter_actix::{CurrentLimits, Key, Limiter, Usage, key, limit};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// Each customer has as many tokens, over all routes with this scope. An estimate is reserved.
#[limit("1000/hour", metered, cost = estimate, key = customer, shared = "tokens")]
#[post("/completions")]
async fn completions(prompt: String, usage: Usage, model: Data<SocketAddr>) -> Result<HttpResponse, Error> {
    let events = complete(**model, &prompt).await.map_err(ErrorBadGateway)?;
    // The stream owns the handle, so the usage is settled when the stream ends or is dropped.
    let forwarded = stream::unfold((events, usage), |(mut events, usage)| async move {
        let mut line = String::new();
        match events.read_line(&mut line).await {
            Ok(0) => return None,
            Ok(_) => count(&line, &usage),
            Err(error) => return Some((Err(error), (events, usage))),
        }
        Some((Ok::<_, io::Error>(Bytes::from(line)), (events, usage)))
    });
    Ok(HttpResponse::Ok().content_type("text/event-stream").streaming(forwarded))
}

/// Shows what is left: a look, which reserves nothing.
#[limit("1000/hour", metered, cost = 0, key = customer, shared = "tokens")]
#[get("/tokens")]
async fn tokens_left(limits: CurrentLimits) -> String {
    let left = limits.iter().map(|limit| limit.window().remaining()).min();
    left.map_or_else(|| "unlimited\n".to_owned(), |left| format!("{left}\n"))
}

/// Counts an event: each word is one token, until the model reports how many there were.
fn count(line: &str, usage: &Usage) {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Event {
        Word(IgnoredAny),
        Usage(u64),
    }
    let event = line.strip_prefix("data: ").and_then(|event| serde_json::from_str(event).ok());
    match event {
        Some(Event::Word(_)) => usage.add(1),
        Some(Event::Usage(tokens)) => usage.set(tokens),
        None => {}
    }
}

fn customer(req: &ServiceRequest) -> Key {
    key::header("x-customer")(req)
}

/// Estimates the tokens of a prompt by its length, and as many for the answer.
fn estimate(req: &ServiceRequest) -> u64 {
    let length =
        req.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    length.map_or(500, |length| (length / 2).max(1))
}

/// Sends a prompt to the model. Returns the lines of its answer.
async fn complete(model: SocketAddr, prompt: &str) -> io::Result<BufReader<TcpStream>> {
    let mut connection = TcpStream::connect(model).await?;
    let request = format!("POST / HTTP/1.0\r\nContent-Length: {}\r\n\r\n{prompt}", prompt.len());
    connection.write_all(request.as_bytes()).await?;
    let mut lines = BufReader::new(connection);
    skip_head(&mut lines).await?;
    Ok(lines)
}

/// Reads the head of a message. Returns the length of its body, if it states one.
async fn skip_head(lines: &mut BufReader<TcpStream>) -> io::Result<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            return Ok(length);
        }
        if let Some((_, value)) = line.split_once("Content-Length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
}

/// The fake model: two tokens for each word of a prompt, one for reading and one for repeating it.
async fn answer(connection: TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(connection);
    let mut prompt = vec![0; skip_head(&mut lines).await?];
    lines.read_exact(&mut prompt).await?;
    let prompt = String::from_utf8_lossy(&prompt);
    lines.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await?;
    let words = prompt.split_whitespace();
    for word in words.clone() {
        time::sleep(Duration::from_millis(5)).await;
        lines.write_all(format!("data: {}\n\n", json!({ "word": word })).as_bytes()).await?;
    }
    lines.write_all(format!("data: {}\n\n", json!({ "usage": 2 * words.count() })).as_bytes()).await?;
    lines.shutdown().await
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let model = Data::new(listener.local_addr()?);
    spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            spawn(answer(connection));
        }
    });

    let limiter = Limiter::default();
    let server = HttpServer::new(move || {
        App::new().wrap(limiter.clone()).app_data(model.clone()).service(completions).service(tokens_left)
    })
    .bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -N -H 'X-Customer: a' -d 'one two three' http://{address}/completions  takes 6 tokens");
    println!(
        "  curl -H 'X-Customer: a' http://{address}/tokens                            shows what is left"
    );
    Ok(server.run().await?)
}
