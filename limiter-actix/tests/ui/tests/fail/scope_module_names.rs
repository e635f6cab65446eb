//! What the attributes name is looked up outside the module, and said once for all its routes.

use actix_web::{App, scope};
use limiter_actix::limit;

#[limit("5/minute", key = inner_key)]
#[limit("5/minute", key = not_a_key)]
#[scope("/types")]
mod types {
    fn inner_key(_: &actix_web::dev::ServiceRequest) -> &'static str {
        "key"
    }

    #[actix_web::get("/one")]
    pub async fn one() -> &'static str {
        "one"
    }

    #[actix_web::get("/another")]
    pub async fn another() -> &'static str {
        "another"
    }
}

fn not_a_key() {}

fn main() {
    let _ = App::new().service(types::one).service(types::another);
}
