//! On modules the attributes stand above `#[scope]`, and there is something for them to do.

use actix_web::scope;
use limiter_actix::{exempt, limit};

#[limit("5/minute")]
mod without_scope {
    #[actix_web::get("/")]
    pub async fn index() -> &'static str {
        "index"
    }
}

#[scope("/below")]
#[exempt]
mod below {
    #[actix_web::get("/")]
    pub async fn index() -> &'static str {
        "index"
    }
}

#[scope("/both")]
#[exempt(default)]
#[scope("/sides")]
#[limit("5/minute")]
mod both {
    #[actix_web::get("/")]
    pub async fn index() -> &'static str {
        "index"
    }
}

#[limit("5/minute")]
#[scope("/no_route")]
mod no_route {
    pub fn helper() {}

    mod no_scope {
        #[actix_web::get("/")]
        pub async fn index() -> &'static str {
            "index"
        }
    }
}

#[limit("5/fortnight", costs = 2)]
#[scope("/mistakes")]
mod mistakes {
    #[actix_web::get("/")]
    pub async fn index() -> &'static str {
        "index"
    }
}

#[exempt(default)]
#[exempt(default)]
#[scope("/twice")]
mod twice {
    #[actix_web::get("/")]
    pub async fn index() -> &'static str {
        "index"
    }
}

const PREFIX: &str = "/prefix";

#[limit("5/minute")]
#[scope(PREFIX)]
mod prefix {
    #[actix_web::get("/")]
    pub async fn index() -> &'static str {
        "index"
    }
}

#[limit("5/minute")]
#[scope("/slash/")]
mod slash {
    #[actix_web::get("/")]
    pub async fn index() -> &'static str {
        "index"
    }
}

fn main() {
    let _ = actix_web::App::new().service(mistakes::index).service(twice::index);
    no_route::helper();
}
