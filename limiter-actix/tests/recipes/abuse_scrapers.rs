//! Scrapers.

use limiter_actix::{BuildError, Limit, Limiter, Quota, Strategy, Unit, key};

fn limiter() -> Result<Limiter, BuildError> {
    // Faster than anyone reads. Who ignores that for long is no reader.
    let fast = Limit::new(Quota::new(30, 10, Unit::Second))
        .strategy(Strategy::SlidingWindowCounter)
        .ban("10 minutes after 20 breaches in 1 minute, doubling up to 1 day".parse()?);
    // Slow, and all day long, from many addresses of one network.
    let much = Limit::new(Quota::per_day(20_000)).key(key::client_network(48));
    Limiter::builder().application_limits([fast, much]).build()
}

mod test {
    use limiter_actix::Ban;

    use super::*;
    use crate::{app_with, passing_from};

    #[actix_web::test]
    async fn a_scraper_is_banned() {
        let limiter = limiter().expect("a limiter");
        let app = app_with(limiter.clone()).await;
        let passing = passing_from(&app, "192.0.2.1", "/", 120).await;
        let banned = limiter.bans().await.expect("bans");
        assert_eq!(banned.iter().map(Ban::client).collect::<Vec<_>>(), ["192.0.2.1"]);
        assert!(passing < 120, "{passing}");
        assert_eq!(passing_from(&app, "192.0.2.2", "/", 20).await, 20);
    }
}
