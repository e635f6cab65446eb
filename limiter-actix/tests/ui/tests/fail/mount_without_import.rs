//! The compiler names the trait that `.limit` takes.

use actix_web::{App, web};

async fn index() -> &'static str {
    "index"
}

fn main() {
    let _resource = web::resource("/").to(index).limit("5/minute");
    let _app = App::new().service(web::scope("/v1").limit("5/minute"));
    let _ = limiter_actix::Limiter::default();
}
