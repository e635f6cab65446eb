//! A limit by path.

use actix_web::{Responder, get};
use limiter_actix::{
    BuildError, Limiter,
    key::{self, KeyExt},
    limit,
};

/// For each client, and for each document whoever asks for it.
#[limit("100/minute")]
#[limit("3/minute", key = key::path.fold_case())]
#[get("/documents/{name}")]
async fn document() -> impl Responder {
    "a document"
}

fn limiter() -> Result<Limiter, BuildError> {
    Limiter::builder().build()
}

mod test {
    use actix_web::{App, test::init_service};
    use limiter_test_support::app::ask;

    use super::*;
    use crate::from;

    #[actix_web::test]
    async fn a_document_has_one_count_however_its_path_is_spelled() {
        let limiter = limiter().expect("a limiter");
        let app = init_service(App::new().service(document).wrap(limiter)).await;
        let rows = [
            ("192.0.2.1", "/documents/report", 200),
            ("192.0.2.2", "/documents/%72eport?print", 200),
            ("192.0.2.3", "/documents/Report", 200),
            ("192.0.2.4", "/documents/rep%6Frt", 429),
            ("192.0.2.4", "/documents/other", 200),
        ];
        for (client, path, expected) in rows {
            assert_eq!(ask(&app, from(client, "GET", path)).await.status, expected, "{path}");
        }
    }
}
