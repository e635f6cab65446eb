//! Every route macro of actix-web, by itself and by its full path.
#![deny(warnings)]

use actix_web::{
    App, HttpResponse, Responder, connect, delete, get, guard::GuardContext, head, middleware::NormalizePath,
    options, patch, post, put, query, route, routes, trace, web,
};
use limiter_actix::{exempt, limit};

macro_rules! handlers {
    ($($method:ident $path:literal)*) => {
        $(
            #[limit("5/minute")]
            #[$method($path)]
            async fn $method() -> HttpResponse {
                HttpResponse::Ok().finish()
            }
        )*

        mod plain {
            use super::{HttpResponse, exempt};

            $(
                #[exempt(default)]
                #[actix_web::$method($path, name = "full")]
                pub(super) async fn $method() -> HttpResponse {
                    HttpResponse::Ok().finish()
                }
            )*
        }

        fn all() -> App<impl actix_web::dev::ServiceFactory<
            actix_web::dev::ServiceRequest,
            Config = (),
            Response = actix_web::dev::ServiceResponse,
            Error = actix_web::Error,
            InitError = (),
        >> {
            App::new()$(.service($method).service(plain::$method))*
        }
    };
}

handlers! {
    get "/get" post "/post" put "/put" delete "/delete" patch "/patch" head "/head" options "/options"
    connect "/connect" trace "/trace" query "/query"
}

fn from_home(guard: &GuardContext<'_>) -> bool {
    guard.head().peer_addr.is_none()
}

/// Several methods, one of them not standard, with every option and a trailing comma.
#[limit("5/minute", methods = ["GET", "PURGE"])]
#[route(
    "/items/{id}",
    method = "GET",
    method = "POST",
    method = "PURGE",
    name = "items",
    guard = "from_home",
    guard = "self::from_home",
    wrap = "NormalizePath::trim()"
)]
async fn items(id: web::Path<u32>, body: web::Bytes) -> Result<impl Responder, actix_web::Error> {
    Ok(format!("{id} {}", body.len()))
}

#[limit("5/minute")]
#[exempt(application)]
#[routes]
#[get("/a")]
#[get("/b", name = "b")]
#[post("/b", guard = "from_home")]
async fn several() -> impl Responder {
    "several"
}

#[test]
fn passes() {
    let _ = all().service(items).service(several);
}
