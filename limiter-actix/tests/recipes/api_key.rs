//! By API key, and by address where there is none.

use actix_web::dev::ServiceRequest;
use limiter_actix::{BuildError, Key, Limiter};

/// In real life a look into a table.
fn customer_of(key: &str) -> Option<&'static str> {
    (key == "k-1").then_some("alice")
}

fn by_customer(req: &ServiceRequest) -> Option<Key> {
    let key = req.headers().get("x-api-key")?.to_str().ok()?;
    Some(Key::text("customer", customer_of(key)?))
}

fn limiter() -> Result<Limiter, BuildError> {
    Limiter::builder().key(by_customer).default_limits("3/hour").build()
}

mod test {
    use limiter_test_support::app::{ask, request};

    use super::*;
    use crate::app_with;

    #[actix_web::test]
    async fn an_invented_key_is_no_fresh_count() {
        let app = app_with(limiter().expect("a limiter")).await;
        let rows = [("k-1", 200), ("a", 200), ("b", 200), ("c", 200), ("d", 429), ("k-1", 200), ("k-1", 200)];
        for (key, expected) in rows.into_iter().chain([("k-1", 429)]) {
            let req = request("GET", "/").insert_header(("x-api-key", key));
            assert_eq!(ask(&app, req).await.status, expected, "{key}");
        }
        assert_eq!(ask(&app, request("GET", "/")).await.status, 429);
    }
}
