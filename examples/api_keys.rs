//! An API where each customer has a plan, and whoever has no key is counted by address.
//!
//! Listens on 127.0.0.1:8080, or where `ADDR` says.

use std::{collections::HashMap, sync::Arc};

use actix_web::{App, HttpMessage, HttpServer, Responder, dev::Service, dev::ServiceRequest, get};
use limiter_actix::{Key, Limit, Limiter, Quota, Quotas, key};

/// What a customer has paid for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Plan {
    Basic,
    Premium,
}

/// Whoever a request is from, found once, for the limits and for handlers.
#[derive(Clone, Copy)]
struct Customer {
    id: u32,
    plan: Plan,
}

/// In real life a table of the database, with a cache.
fn customer_of(key: &str) -> Option<Customer> {
    match key {
        "b-1" | "b-1-spare" => Some(Customer { id: 1, plan: Plan::Basic }),
        "p-1" => Some(Customer { id: 2, plan: Plan::Premium }),
        _ => None,
    }
}

/// Looks the key up before the limiter is asked: a key that was made up is nobody's, and has no fresh count.
fn identify(req: &ServiceRequest) {
    let key = req.headers().get("x-api-key").and_then(|value| value.to_str().ok());
    if let Some(customer) = key.and_then(customer_of) {
        req.extensions_mut().insert(customer);
    }
}

/// The limits of the plans, read once; those of strangers are told apart by their address.
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
        // All keys of a customer share its count. Without a customer there is no key: then it is the address.
        .key(key::extension(|customer: &Customer| Key::text("customer", customer.id.to_string())))
        // Over all routes together. As default limits they would be for each route.
        .application_limits([
            Limit::dynamic(move |req| plans.of(req)).name("plan"),
            // However many keys somebody has stolen.
            Limit::new(Quota::per_minute(100)).key(key::client_address).name("address"),
        ])
        .headers(true)
        .build()?;

    let server = HttpServer::new(move || {
        App::new().service(search).service(report).wrap(limiter.clone()).wrap_fn(|req, service| {
            // Wrapped last, so it comes first.
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
