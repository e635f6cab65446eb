//! Uploads by their size.

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    http::header::CONTENT_LENGTH,
    post,
    web::{Bytes, PayloadConfig, ServiceConfig},
};
use limiter_actix::limit;

const KILOBYTE: usize = 1000;
const LARGEST: usize = 500;

/// One unit for each kilobyte that is begun. Without a length: as much as the largest that is taken.
fn kilobytes(req: &ServiceRequest) -> u64 {
    let length = req.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let kilobytes = length.map_or(LARGEST, |length: usize| length.div_ceil(KILOBYTE).max(1));
    kilobytes.try_into().unwrap_or(u64::MAX)
}

#[limit("1000/hour", cost = kilobytes)]
#[post("/upload")]
async fn upload(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().body(body.len().to_string())
}

/// Whatever a client says of the length, no more than the largest is read.
fn routes(config: &mut ServiceConfig) {
    config.app_data(PayloadConfig::new(LARGEST * KILOBYTE)).service(upload);
}

mod test {
    use actix_web::{App, test::init_service};
    use limiter_actix::Limiter;
    use limiter_test_support::app::ask;

    use super::*;
    use crate::from;

    #[actix_web::test]
    async fn large_uploads_cost_more() {
        let limiter = Limiter::builder().headers(true).build().expect("a limiter");
        let app = init_service(App::new().configure(routes).wrap(limiter)).await;
        let rows = [
            (Some(0), 200, "999"),
            (Some(1), 200, "998"),
            (Some(2001), 200, "995"),
            (None, 200, "495"),
            (Some(600_000), 429, "495"),
            (Some(400_000), 200, "95"),
            (None, 429, "95"),
        ];
        for (length, status, left) in rows {
            let mut req = from("192.0.2.1", "POST", "/upload");
            if let Some(length) = length {
                // Tells its length.
                req = req.set_payload("x".repeat(length));
            }
            let answer = ask(&app, req).await;
            let told = (answer.status, answer.header("x-ratelimit-remaining"));
            assert_eq!(told, (status, Some(left)), "{length:?}");
        }
    }
}
