//! A new limit that is only watched.

use limiter_actix::{BuildError, Limit, Limiter, Quota};

fn limiter() -> Result<Limiter, BuildError> {
    let holds = Limit::new(Quota::per_hour(6));
    let planned = Limit::new(Quota::per_hour(2)).name("planned").shadow(true);
    Limiter::builder().default_limits([holds, planned]).build()
}

mod test {
    use limiter_test_support::log;

    use super::*;
    use crate::{app_with, passing_from};

    #[actix_web::test]
    async fn a_shadow_limit_refuses_nothing_and_is_logged() {
        log::capture();
        let app = app_with(limiter().expect("a limiter")).await;
        assert_eq!(passing_from(&app, "192.0.2.1", "/", 2).await, 2);
        assert!(log::here("shadow limit would have refused").is_empty());
        assert_eq!(passing_from(&app, "192.0.2.1", "/", 8).await, 4);
        let said = log::here("shadow limit would have refused");
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said.iter().all(|line| line.contains("planned")), "{said:?}");
    }
}
