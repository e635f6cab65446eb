//! Scanners.

use actix_web::http::StatusCode;
use limiter_actix::{BuildError, Limit, Limiter, Quota};

fn limiter() -> Result<Limiter, BuildError> {
    let not_found = Limit::new(Quota::per_hour(20))
        .deduct_when(|response| response.status == StatusCode::NOT_FOUND)
        .name("not found")
        .ban("1 day after 5 breaches in 1 hour".parse()?);
    Limiter::builder().application_limits(not_found).build()
}

mod test {
    use super::*;
    use crate::{app_with, from};
    use limiter_test_support::app::ask;

    #[actix_web::test]
    async fn a_scanner_is_banned() {
        let app = app_with(limiter().expect("a limiter")).await;
        let get = async |address: &str, path: &str| ask(&app, from(address, "GET", path)).await.status;
        for _ in 0..100 {
            assert_eq!(get("192.0.2.1", "/").await, 200);
        }
        for number in 0..20 {
            assert_eq!(get("192.0.2.1", &format!("/wp-admin/{number}")).await, 404);
        }
        for _ in 0..5 {
            assert_eq!(get("192.0.2.1", "/.git/config").await, 429);
        }
        assert_eq!(get("192.0.2.1", "/").await, 403);
        assert_eq!(get("192.0.2.2", "/").await, 200);
    }
}
