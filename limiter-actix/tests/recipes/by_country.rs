//! By country.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use limiter_actix::{BuildError, Key, Limit, Limiter, Quota, key};

/// In real life a look into a database of networks, with a crate such as `maxminddb`.
fn country_of(address: IpAddr) -> Option<&'static str> {
    match address.to_string().as_str() {
        "192.0.2.1" | "192.0.2.2" => Some("AT"),
        "198.51.100.1" => Some("NZ"),
        _ => None,
    }
}

fn by_country(req: &ServiceRequest) -> Option<Key> {
    let country = country_of(key::client_ip(req)?)?;
    Some(Key::text("country", country))
}

fn limiter() -> Result<Limiter, BuildError> {
    let each_country = Limit::new(Quota::per_hour(10)).key(by_country);
    let each_client = Limit::new(Quota::per_hour(6));
    Limiter::builder().application_limits([each_country, each_client]).build()
}

mod test {
    use super::*;
    use crate::{app_with, passing_from};

    #[actix_web::test]
    async fn clients_of_one_country_share_its_quota() {
        let app = app_with(limiter().expect("a limiter")).await;
        assert_eq!(passing_from(&app, "192.0.2.1", "/", 8).await, 6);
        assert_eq!(passing_from(&app, "192.0.2.2", "/", 8).await, 4);
        assert_eq!(passing_from(&app, "198.51.100.1", "/", 8).await, 6);
        assert_eq!(passing_from(&app, "203.0.113.1", "/", 8).await, 6, "of no country: by address");
    }
}
