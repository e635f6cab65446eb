//! Each process for itself, on purpose.

use limiter_actix::{BuildError, Limiter};

fn limiter() -> Result<Limiter, BuildError> {
    Limiter::builder().application_limits("5/hour").per_process(true).build()
}

mod test {
    use super::*;
    use crate::{app_with, passing_from};

    #[actix_web::test]
    async fn a_limit_per_process_counts_in_memory() {
        let app = app_with(limiter().expect("a limiter")).await;
        assert_eq!(passing_from(&app, "192.0.2.1", "/", 9).await, 5);
    }
}
