//! Handlers declared in functions, in blocks, and in a module with a scope of actix-web.
#![deny(warnings)]

use actix_web::{App, scope};

fn app() {
    use actix_web::{Responder, get, web};
    use limiter_actix::{exempt, limit};

    fn key(_: &actix_web::dev::ServiceRequest) -> &'static str {
        "key"
    }

    const NAME: &str = "name";

    #[limit("5/minute", key = key, shared = NAME)]
    #[get("/")]
    async fn index(query: web::Query<Vec<(String, String)>>) -> impl Responder {
        query.len().to_string()
    }

    {
        #[exempt]
        #[get("/health")]
        async fn index() -> impl Responder {
            "health"
        }

        let _ = App::new().service(index);
    }

    let _ = App::new().service(index);
}

#[scope("/v1")]
mod v1 {
    use actix_web::{Responder, get};
    use limiter_actix::limit;

    #[limit("5/minute")]
    #[get("/items")]
    pub async fn items() -> impl Responder {
        "items"
    }
}

#[test]
fn passes() {
    app();
    let _ = App::new().service(v1::items);
}
