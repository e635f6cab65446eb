//! Static files.

use limiter_actix::{BuildError, Limiter};

fn limiter() -> Result<Limiter, BuildError> {
    Limiter::builder()
        .default_limits("2/hour")
        .exempt_scope("/static") // Files::new("/static", ..)
        .exempt_route("/favicon.ico")
        .scope("/downloads", "4/hour") // Files::new("/downloads", ..): all files together
        .build()
}

mod test {
    use actix_files::Files;
    use actix_web::{App, HttpResponse, test::init_service, web};

    use super::*;
    use crate::passing_from;

    #[actix_web::test]
    async fn some_files_are_exempt_and_some_have_limits() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recipes");
        let app = App::new()
            .service(Files::new("/static", folder))
            .service(Files::new("/downloads", folder))
            .service(Files::new("/others", folder))
            .route("/favicon.ico", web::get().to(HttpResponse::Ok))
            .wrap(limiter().expect("a limiter"));
        let app = init_service(app).await;
        let passing = async |target| passing_from(&app, "192.0.2.1", target, 9).await;
        assert_eq!(passing("/static/files.rs").await, 9);
        assert_eq!(passing("/favicon.ico").await, 9);
        assert_eq!(passing("/downloads/files.rs").await, 4);
        assert_eq!(passing("/downloads/tenants.rs").await, 0);
        assert_eq!(passing("/others/files.rs").await, 2);
    }
}
