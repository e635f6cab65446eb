//! Quotas by day and month.

use actix_web::{Responder, get};
use limiter_actix::{BuildError, Limiter, LimiterBuilder, Quota, limit};

// 500 on each day and 10000 in each month, whenever the client began.
#[limit("500 per calendar day; 10000 per calendar month")]
#[get("/translate")]
async fn translate() -> impl Responder {
    "translated"
}

fn builder() -> LimiterBuilder {
    // Midnight in Berlin needs the feature `time-zones`; without it, write an offset such as `+01:00`.
    Limiter::builder().time_zone("Europe/Berlin")
}

fn limiter() -> Result<Limiter, BuildError> {
    builder().application_limits(Quota::per_calendar_year(100_000)).build()
}

mod test {
    use std::{sync::Arc, time::Duration};

    use actix_web::{App, test::init_service};
    use limiter_actix::{ManualClock, Timestamp};
    use limiter_test_support::app::{ask, request};

    use super::{builder, limiter, translate};
    use crate::passing_from;

    /// Noon on 28 March 2026 in Berlin, the day before daylight saving time begins.
    const NOON: Timestamp = Timestamp::from_millis(1_774_695_600_000);

    #[actix_web::test]
    async fn days_and_months_end_at_midnight() {
        assert!(limiter().is_ok());
        let clock = Arc::new(ManualClock::new(NOON));
        let limiter = builder().clock(Arc::clone(&clock) as _).build().expect("a limiter");
        let app = init_service(App::new().service(translate).wrap(limiter)).await;
        assert_eq!(passing_from(&app, "127.0.0.1", "/translate", 501).await, 500);
        let refused = ask(&app, request("GET", "/translate")).await;
        assert_eq!(refused.header("retry-after"), Some("43200"));

        let hour = Duration::from_secs(3600);
        clock.advance(12 * hour);
        assert_eq!(passing_from(&app, "127.0.0.1", "/translate", 501).await, 500);
        let refused = ask(&app, request("GET", "/translate")).await;
        assert_eq!(refused.header("retry-after"), Some("82800"), "a day of 23 hours");
        clock.advance(Duration::new(23 * 3600 - 1, 999_999_999));
        assert_eq!(passing_from(&app, "127.0.0.1", "/translate", 1).await, 0);

        clock.advance(Duration::from_nanos(1));
        assert_eq!(passing_from(&app, "127.0.0.1", "/translate", 501).await, 500);
        clock.advance(24 * hour);
        assert_eq!(passing_from(&app, "127.0.0.1", "/translate", 501).await, 500);
        clock.advance(24 * hour);
        assert_eq!(passing_from(&app, "127.0.0.1", "/translate", 501).await, 500, "the 1st of April");
    }
}
