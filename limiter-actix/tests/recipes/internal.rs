//! Addresses of one's own.

use std::net::IpAddr;

use limiter_actix::{BuildError, Limiter, TrustedProxies, key};

fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

fn limiter() -> Result<Limiter, BuildError> {
    Limiter::builder()
        .trusted_proxies(TrustedProxies::x_forwarded_for().networks(["10.0.0.0/24"]))
        .default_limits("2/hour")
        .request_filter(|req| key::client_ip(req).is_some_and(is_internal))
        .build()
}

mod test {
    use limiter_test_support::app::ask;

    use super::*;
    use crate::{app_with, from, passing_from};

    #[actix_web::test]
    async fn internal_clients_pass_but_not_through_the_proxy() {
        let app = app_with(limiter().expect("a limiter")).await;
        for internal in ["192.168.1.7", "127.0.0.1", "fd00::1", "::1"] {
            assert_eq!(passing_from(&app, internal, "/", 5).await, 5, "{internal}");
        }
        assert_eq!(passing_from(&app, "203.0.113.1", "/", 5).await, 2);
        for expected in [200, 200, 429] {
            let req = from("10.0.0.1", "GET", "/").insert_header(("x-forwarded-for", "203.0.113.2"));
            assert_eq!(ask(&app, req).await.status, expected);
        }
    }
}
