//! Limits from a file that is reloaded while the server runs.
//!
//! Reads `examples/limits.toml`, or another file: `cargo run --example from_file -- FILE`. Listens on `ADDR`,
//! which defaults to 127.0.0.1:8080. Variables such as `RATELIMIT_DEFAULT` take precedence over the file.
//!
//! `cargo run --example from_file -- --check FILE` only checks a file, for use in CI. It prints all errors, and
//! fails if there are any.

use std::{env, error::Error, process::ExitCode, time::Duration};

use actix_web::{
    App, HttpServer, Responder, get, post,
    rt::{
        self,
        signal::unix::{SignalKind, signal},
    },
};
use limiter_actix::{Limiter, check_file};

#[get("/")]
async fn index() -> impl Responder {
    "hello"
}

#[post("/login")]
async fn login() -> impl Responder {
    "who are you?"
}

#[get("/api/search")]
async fn search() -> impl Responder {
    "found"
}

#[get("/health")]
async fn health() -> impl Responder {
    "ok"
}

fn check(file: &str) -> ExitCode {
    match check_file(file) {
        Ok(()) => {
            println!("{file}: valid");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Reloads the file on SIGHUP, as daemons do.
fn reload_on_hangup(limiter: Limiter) -> std::io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    rt::spawn(async move {
        while hangups.recv().await.is_some() {
            match limiter.reload() {
                Ok(true) => println!("Reloaded"),
                Ok(false) => println!("Nothing has changed"),
                Err(error) => eprintln!("Not reloaded: {error}"),
            }
        }
    });
    Ok(())
}

#[actix_web::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let file = match &arguments[..] {
        [flag, file] if flag == "--check" => return Ok(check(file)),
        [file] => file,
        _ => "examples/limits.toml",
    };
    let address = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limiter = Limiter::builder().from_file(file).reload_every(Duration::from_secs(5)).from_env().build();
    let limiter = match limiter {
        Ok(limiter) => limiter,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    reload_on_hangup(limiter.clone())?;

    let server = HttpServer::new(move || {
        App::new().wrap(limiter.clone()).service(index).service(login).service(search).service(health)
    })
    .bind(&address)?;

    println!("Listening on {address}, with the limits in {file}. Try:");
    println!("  curl -i http://{address}/                 100 a minute, the default limit");
    println!("  curl -i -X POST http://{address}/login    5 a minute");
    println!("  curl -i http://{address}/api/search       1000 an hour, and 20 a second for all of /api");
    println!("  curl -i http://{address}/health           as often as you like");
    println!("Change the file: it is checked every 5 seconds, and at once on SIGHUP.");
    server.run().await?;
    Ok(ExitCode::SUCCESS)
}
