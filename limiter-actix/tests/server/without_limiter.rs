//! Annotated handlers in an app without a limiter.

use actix_web::{App, HttpServer, get, web};
use limiter_actix::{Exempt, ScopeExt, exempt, limit};
use limiter_test_support::{client::Client, log, server::serve};

#[limit("1/day")]
#[get("/limited")]
async fn limited() -> &'static str {
    "ok"
}

#[exempt]
#[get("/exempt")]
async fn exempt_one() -> &'static str {
    "ok"
}

#[test]
fn annotated_handlers_answer_and_one_warning_is_logged() {
    log::capture();
    let server = serve(|listener| {
        let server = HttpServer::new(|| {
            App::new()
                .service(limited)
                .service(web::scope("/v1").exempt(Exempt::ALL).service(limited).service(exempt_one))
        });
        Ok(server.workers(2).listen(listener)?.run())
    });
    let mut client = Client::connect(server.address);
    for target in ["/limited", "/limited", "/v1/limited", "/v1/exempt"] {
        assert_eq!(client.get(target).status, 200);
    }
    assert_eq!(log::everywhere("L010").len(), 1);
}
