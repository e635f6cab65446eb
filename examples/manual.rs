//! Named limits, hit by a handler and by a background job.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use std::{error::Error, time::Duration};

use actix_web::{
    App, HttpRequest, HttpServer, get, rt,
    web::{Data, Path},
};
use limiter_actix::{Key, Limiter, Quota};

/// Counts only reports that are not in the cache. The error is the complete refusal, so `?` returns it.
#[get("/report/{id}")]
async fn report(req: HttpRequest, id: Path<u32>, limiter: Data<Limiter>) -> actix_web::Result<String> {
    if *id < 10 {
        return Ok(format!("report {id} from the cache\n"));
    }
    limiter.check(&req, "reports").await?;
    Ok(format!("report {id} was worked out\n"))
}

/// Reads a limit by key, without a request. Reading is not charged.
#[get("/mails/{user}")]
async fn left(user: Path<String>, limiter: Data<Limiter>) -> Result<String, Box<dyn Error>> {
    let window = limiter.window("mails", &Key::text("user", user.as_str())).await?;
    Ok(format!("{} of {} mails left\n", window.remaining(), window.limit()))
}

/// Sends as many mails as the limit allows; the others wait.
async fn send_mails(limiter: Limiter) {
    let alice = Key::text("user", "alice");
    loop {
        match limiter.hit("mails", &alice, 1).await {
            Ok(window) if window.is_allowed() => println!("a mail to alice; {} left", window.remaining()),
            Ok(window) => rt::time::sleep(window.retry_after().unwrap_or(Duration::from_secs(60))).await,
            Err(error) => return eprintln!("{error}"),
        }
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limits = Limiter::builder().named_limit("reports", Quota::per_minute(2));
    let limiter = limits.named_limit("mails", Quota::per_minute(3)).build()?;

    let data = Data::new(limiter.clone());
    let server = HttpServer::new(move || App::new().app_data(data.clone()).service(report).service(left))
        .bind(&address)?;
    rt::spawn(send_mails(limiter));

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/report/5     as often as you like: it is in the cache");
    println!("  curl -i http://{address}/report/11    2 a minute");
    println!("  curl -i http://{address}/mails/alice  what the background job has left");
    Ok(server.run().await?)
}
