//! Customers whose plans are in a SQLite database, and change while the server runs.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080. The database is the file `DATABASE`, by default one in memory.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{
    App, Error, HttpResponse, HttpServer, Responder,
    dev::ServiceRequest,
    error::ErrorInternalServerError,
    get, put,
    web::{self, Data},
};
use limiter_actix::{Key, Limiter, Lookup, LookupError, Quota, exempt, limit};
use rusqlite::{Connection, OptionalExtension};

/// The table of plans: requests a minute for each customer.
struct Database(Mutex<Connection>);

impl Database {
    fn open(path: &str) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS plans (customer TEXT PRIMARY KEY, per_minute INTEGER NOT NULL);
             INSERT OR IGNORE INTO plans VALUES ('ada', 5), ('bob', 2);",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    fn plan(&self, customer: &str) -> rusqlite::Result<Option<u32>> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut query = connection.prepare("SELECT per_minute FROM plans WHERE customer = ?1")?;
        query.query_row([customer], |row| row.get(0)).optional()
    }

    fn change(&self, customer: &str, per_minute: u32) -> rusqlite::Result<usize> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connection.execute("UPDATE plans SET per_minute = ?2 WHERE customer = ?1", (customer, per_minute))
    }
}

/// The plans that were looked up lately. A customer without a plan is remembered, too.
type Plans = Lookup<String, Option<u32>>;

fn plans(database: &Arc<Database>) -> Plans {
    let database = Arc::clone(database);
    Lookup::new(move |customer: String| {
        let database = Arc::clone(&database);
        // SQLite blocks, so it runs in a thread for that.
        async move {
            let plan = web::block(move || database.plan(&customer)).await;
            plan.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
        }
    })
}

/// In a real application, authentication finds the customer.
fn customer(req: &ServiceRequest) -> Option<&str> {
    req.headers().get("x-customer")?.to_str().ok()
}

/// Awaited for each request. Most of them find the plan in the cache.
async fn by_plan(req: &ServiceRequest) -> Result<Option<Quota>, LookupError> {
    let (Some(plans), Some(customer)) = (req.app_data::<Data<Plans>>(), customer(req)) else {
        return Ok(None);
    };
    Ok(plans.get(customer).await?.map(|amount| Quota::per_minute(amount.into())))
}

fn who(req: &ServiceRequest) -> Option<Key> {
    customer(req).map(|customer| Key::text("customer", customer))
}

#[limit(async by_plan, key = who, keep_used)]
#[get("/generate")]
async fn generate() -> impl Responder {
    "a poem"
}

/// Changes a plan. The next request of the customer looks it up. In a real application, only staff may do this.
#[exempt]
#[put("/plans/{customer}/{per_minute}")]
async fn change(
    path: web::Path<(String, u32)>,
    database: Data<Database>,
    plans: Data<Plans>,
) -> Result<HttpResponse, Error> {
    let (customer, per_minute) = path.into_inner();
    let name = customer.clone();
    let changed = web::block(move || database.change(&name, per_minute)).await?;
    plans.forget(&customer);
    match changed.map_err(ErrorInternalServerError)? {
        0 => Ok(HttpResponse::NotFound().finish()),
        _ => Ok(HttpResponse::NoContent().finish()),
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let path = std::env::var("DATABASE").unwrap_or_else(|_| ":memory:".to_owned());
    let database = Arc::new(Database::open(&path)?);
    let plans = Data::new(plans(&database));
    let database = Data::from(database);
    // For everybody without a plan, and for all while the database fails.
    let limiter = Limiter::builder().default_limits("3/minute").headers(true).build()?;

    let app = move || {
        let app = App::new().wrap(limiter.clone()).app_data(plans.clone()).app_data(database.clone());
        app.service(generate).service(change)
    };
    let server = HttpServer::new(app).bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/generate                       3 a minute: no plan");
    println!("  curl -i -H 'x-customer: bob' http://{address}/generate  2 a minute");
    println!("  curl -i -X PUT http://{address}/plans/bob/50            bob buys more");
    Ok(server.run().await?)
}
