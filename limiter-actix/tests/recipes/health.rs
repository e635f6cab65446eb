//! Health checks that always answer.

use actix_web::{Responder, get};
use limiter_actix::{BuildError, Limiter, exempt};

#[exempt]
#[get("/health")]
async fn health() -> impl Responder {
    "ok"
}

fn limiter() -> Result<Limiter, BuildError> {
    Limiter::builder()
        .application_limits("2/hour")
        .meta_limits("1/hour")
        .exempt_route("/metrics") // of another crate, say
        .build()
}

mod test {
    use actix_web::{App, HttpResponse, test::init_service, web};

    use super::*;
    use crate::passing_from;

    #[actix_web::test]
    async fn health_checks_pass_while_everything_else_is_spent() {
        let app = App::new()
            .service(health)
            .route("/metrics", web::get().to(HttpResponse::Ok))
            .route("/", web::get().to(HttpResponse::Ok))
            .wrap(limiter().expect("a limiter"));
        let app = init_service(app).await;
        assert_eq!(passing_from(&app, "192.0.2.1", "/", 9).await, 2);
        assert_eq!(passing_from(&app, "192.0.2.1", "/health", 9).await, 9);
        assert_eq!(passing_from(&app, "192.0.2.1", "/metrics", 9).await, 9);
    }
}
