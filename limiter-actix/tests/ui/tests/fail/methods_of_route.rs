//! A limit names only methods that its routes take.

use actix_web::{App, Responder, post, routes, scope};
use limiter_actix::limit;

#[limit("5/minute", methods = ["PSOT"])]
#[post("/misspelt")]
async fn misspelt() -> impl Responder {
    "misspelt"
}

#[limit("5/minute", methods = "GET")]
#[limit("9/hour", methods = ["POST", "PUT"])]
#[post("/other")]
async fn other() -> impl Responder {
    "other"
}

#[limit("5/minute", methods = ["GET", "DELETE"])]
#[routes]
#[get("/one")]
#[post("/two")]
async fn several() -> impl Responder {
    "several"
}

#[limit("5/minute", methods = "PUT")]
#[scope("/v1")]
mod v1 {
    use actix_web::{Responder, get};

    #[get("/inside")]
    pub async fn inside() -> impl Responder {
        "inside"
    }
}

fn main() {
    App::new().service(misspelt).service(other).service(several).service(v1::inside);
}
