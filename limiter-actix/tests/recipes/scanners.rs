//! Scanners that look for missing pages.

use actix_web::http::StatusCode;
use limiter_actix::{BuildError, Limit, Limiter, Quota};

fn limiter() -> Result<Limiter, BuildError> {
    let not_found = Limit::new(Quota::per_hour(20))
        .deduct_when(|response| response.status == StatusCode::NOT_FOUND)
        .name("not found");
    Limiter::builder().application_limits(not_found).build()
}

mod test {
    use super::*;
    use crate::{app_with, passing_from};

    #[actix_web::test]
    async fn scanners_are_shut_out_of_everything() {
        let app = app_with(limiter().expect("a limiter")).await;
        assert_eq!(passing_from(&app, "192.0.2.1", "/", 50).await, 50, "what is there does not count");
        assert_eq!(passing_from(&app, "192.0.2.1", "/wp-login.php", 10).await, 10);
        assert_eq!(passing_from(&app, "192.0.2.1", "/.env", 20).await, 10);
        assert_eq!(passing_from(&app, "192.0.2.1", "/", 1).await, 0);
        assert_eq!(passing_from(&app, "192.0.2.2", "/", 1).await, 1);
    }
}
