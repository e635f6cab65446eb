//! Few downloads at a time.

use actix_web::{Responder, get};
use limiter_actix::{BuildError, Limit, Limiter, limit};

// Two at a time for each client, and 20 a day.
#[limit("2 concurrent; 20/day")]
#[get("/backup")]
async fn backup() -> impl Responder {
    // Or a stream, which counts until it ends.
    "all of the data"
}

fn limiter() -> Result<Limiter, BuildError> {
    // And not more than ten requests of any kind from one address.
    Limiter::builder().application_limits(Limit::concurrent(10).name("at-once")).build()
}

mod test {
    use actix_web::{App, HttpResponse, body::to_bytes, dev::Service, test::init_service, web};
    use limiter_test_support::app::request;

    use super::{backup, limiter};

    #[actix_web::test]
    async fn a_third_download_waits_for_the_end_of_another() {
        let fine = web::to(async || HttpResponse::Ok().body("fine"));
        let app = App::new().wrap(limiter().expect("a limiter")).service(backup).default_service(fine);
        let app = init_service(app).await;
        let open = async |path: &str| {
            let response = app.call(request("GET", path).to_request()).await.expect("a response");
            (response.status().as_u16(), response.into_body())
        };
        let (first, second) = (open("/backup").await, open("/backup").await);
        assert_eq!((first.0, second.0, open("/backup").await.0), (200, 200, 429));
        let sent = to_bytes(first.1).await.map_err(|_| "an error").expect("a body");
        assert_eq!(&sent[..], b"all of the data");
        let mut opened = vec![open("/backup").await];
        for _ in 0..8 {
            opened.push(open("/other").await);
        }
        assert!(opened.iter().all(|(status, _)| *status == 200), "ten in all");
        assert_eq!(open("/other").await.0, 429);
        drop((second, opened));
        assert_eq!(open("/other").await.0, 200);
    }
}
