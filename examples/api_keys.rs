//! An API where each customer has a plan. Requests without an API key are counted by address.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use std::{collections::HashMap, sync::Arc};

use actix_web::{App, HttpMessage, HttpServer, Responder, dev::Service, dev::ServiceRequest, get};
use limiter_actix::{Key, Limit, Limiter, Quota, Quotas, key};

/// The plan that a customer has paid for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Plan {
    Basic,
    Premium,
}

/// The customer of a request, looked up once, for the limits and for handlers.
#[derive(Clone, Copy)]
struct Customer {
    id: u32,
    plan: Plan,
}

/// Looks up an API key. In a real application, this is a table of the database, with a cache.
fn customer_of(key: &str) -> Option<Customer> {
    match key {
        "b-1" | "b-1-spare" => Some(Customer { id: 1, plan: Plan::Basic }),
        "p-1" => Some(Customer { id: 2, plan: Plan::Premium }),
        _ => None,
    }
}

/// Looks up the API key before the limiter runs. An invented key has no customer, so it gets no fresh count.
fn identify(req: &ServiceRequest) {
    let key = req.headers().get("x-api-key").and_then(|value| value.to_str().ok());
    if let Some(customer) = key.and_then(customer_of) {
        req.extensions_mut().insert(customer);
    }
}

/// The limits of the plans, parsed once. Strangers are counted by address.
struct Plans {
    limits: HashMap<Plan, Quotas>,
    strangers: Quotas,
}

impl Plans {
    fn read() -> Result<Self, limiter_actix::ParseQuotaError> {
        let limits = [(Plan::Basic, "5/minute".parse()?), (Plan::Premium, "50/minute; 10/second".parse()?)];
        Ok(Self { limits: limits.into(), strangers: "2/minute".parse()? })
    }

    fn of(&self, req: &ServiceRequest) -> Quotas {
        let customer = req.extensions().get::<Customer>().copied();
        let limits = customer.and_then(|customer| self.limits.get(&customer.plan));
        limits.unwrap_or(&self.strangers).clone()
    }
}

#[get("/search")]
async fn search() -> impl Responder {
    "found\n"
}

#[get("/report")]
async fn report() -> impl Responder {
    "a report\n"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let plans = Arc::new(Plans::read()?);
    let limiter = Limiter::builder()
        // All API keys of a customer share one count. Without a customer, the key falls back to the address.
        .key(key::extension(|customer: &Customer| Key::text("customer", customer.id)))
        // Application limits count over all routes together, default limits per route.
        .application_limits([
            Limit::dynamic(move |req| plans.of(req)).name("plan"),
            // Applies even to a client with many stolen API keys.
            Limit::new(Quota::per_minute(100)).key(key::client_address).name("address"),
        ])
        .headers(true)
        .build()?;

    let server = HttpServer::new(move || {
        App::new().service(search).service(report).wrap(limiter.clone()).wrap_fn(|req, service| {
            // Wrapped last, so it runs first.
            identify(&req);
            service.call(req)
        })
    })
    .bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/search                                  2 a minute, by address");
    println!("  curl -i -H 'x-api-key: made-up' http://{address}/search          the same count");
    println!("  curl -i -H 'x-api-key: b-1' http://{address}/search              5 a minute: basic");
    println!("  curl -i -H 'x-api-key: b-1-spare' http://{address}/report        the same 5");
    println!("  curl -i -H 'x-api-key: p-1' http://{address}/search              50 a minute: premium");
    Ok(server.run().await?)
}
