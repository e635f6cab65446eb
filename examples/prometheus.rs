//! Metrics for Prometheus: hits, refusals and near misses of limits.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080. `RATELIMIT_STORAGE_URI` names a storage, and `TRUSTED_PROXIES` the
//! networks of proxies, such as `10.0.0.0/8,127.0.0.1`. The stack in `examples/stack` runs three of these behind nginx.

use std::time::Duration;

use actix_web::{App, HttpServer, Responder, get, rt, web};
use limiter_actix::{Limit, Limiter, Quota, TrustedProxies, exempt, limit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

#[limit("5/minute", name = "search")]
#[get("/search")]
async fn search() -> impl Responder {
    "found"
}

#[get("/items/{id}")]
async fn item(id: web::Path<String>) -> impl Responder {
    format!("item {id}")
}

/// Serves the metrics. Without the exemption, the scrapes of Prometheus would count too.
#[exempt]
#[get("/metrics")]
async fn metrics(recorded: web::Data<PrometheusHandle>, limiter: web::Data<Limiter>) -> impl Responder {
    limiter.record_memory();
    recorded.render()
}

/// Bounds of the histogram, in seconds. Memory decides in a microsecond, a server in the network in milliseconds.
const BOUNDS: [f64; 8] = [0.000_001, 0.000_01, 0.000_1, 0.000_5, 0.001, 0.005, 0.025, 0.1];

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    // Installed before the first request, because counters that are looked up earlier are never recorded.
    let recorded = PrometheusBuilder::new().set_buckets(&BOUNDS)?.install_recorder()?;
    rt::spawn(upkeep(recorded.clone()));

    // In shadow: `limiter_limit_shadow_refusals_total` counts the requests that it would refuse.
    let tried = Limit::new(Quota::per_minute(3)).name("tried").shadow(true).override_defaults(false);
    let limiter = Limiter::builder()
        .from_env()
        .trusted_proxies(trusted_proxies())
        .default_limits("60/minute")
        .route("/items/{id}", tried)
        .build()?;

    let (limiter, recorded) = (web::Data::new(limiter), web::Data::new(recorded));
    let server = HttpServer::new(move || {
        App::new()
            .wrap(limiter.get_ref().clone())
            .app_data(limiter.clone())
            .app_data(recorded.clone())
            .service(search)
            .service(item)
            .service(metrics)
    })
    .bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/search   5 a minute, else 429");
    println!("  curl -i http://{address}/items/1  60 a minute; a limit of 3 a minute is tried out");
    println!("  curl -s http://{address}/metrics | grep limiter_");
    Ok(server.run().await?)
}

/// Returns the proxies that the environment names, which append to `X-Forwarded-For`.
fn trusted_proxies() -> TrustedProxies {
    match std::env::var("TRUSTED_PROXIES") {
        Ok(networks) => TrustedProxies::x_forwarded_for().networks(networks.split(',')),
        Err(_) => TrustedProxies::none(),
    }
}

/// Moves the measured times into the histogram, even if Prometheus does not scrape.
async fn upkeep(recorded: PrometheusHandle) {
    let mut pause = rt::time::interval(Duration::from_secs(5));
    loop {
        pause.tick().await;
        recorded.run_upkeep();
    }
}
