//! Several windows at once.

use actix_web::{Responder, get};
use limiter_actix::limit;

#[limit("10/second; 100/minute; 1000/day")]
#[get("/search")]
async fn search() -> impl Responder {
    "found"
}

mod test {
    use std::{sync::Arc, time::Duration};

    use actix_web::{App, test::init_service};
    use limiter_actix::{Limiter, ManualClock, Timestamp};

    use super::search;
    use crate::passing_from;

    #[actix_web::test]
    async fn all_windows_hold() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let limiter = Limiter::builder().clock(Arc::clone(&clock) as _).build().expect("a limiter");
        let app = init_service(App::new().service(search).wrap(limiter)).await;
        let mut passed = Vec::new();
        for _ in 0..12 {
            passed.push(passing_from(&app, "192.0.2.1", "/search", 15).await);
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(passed, [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 0, 0]);
        // Refused requests took nothing from the day: all the rest of it is left for other minutes.
        let mut passed = 0;
        for _ in 0..200 {
            passed += passing_from(&app, "192.0.2.1", "/search", 15).await;
            clock.advance(Duration::from_secs(6));
        }
        assert_eq!(passed, 900);
    }
}
