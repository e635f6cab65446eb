//! The busiest and the most refused clients.

use std::net::IpAddr;

use limiter_actix::{Key, Limiter, TopClient};

use crate::{HOUR, app, get_from};

fn counts(clients: &[TopClient]) -> Vec<(Key, u64)> {
    clients.iter().map(|client| (client.key.clone(), client.count)).collect()
}

fn client(text: &str) -> Key {
    Key::from(text.parse::<IpAddr>().expect("an address"))
}

#[actix_web::test]
async fn clients_are_listed_by_requests_and_by_refusals() {
    let limiter = Limiter::builder().default_limits("4/day").top_clients(true).build().expect("a limiter");
    let app = app(&limiter).await;
    let banned: IpAddr = "192.0.2.3".parse().expect("an address");
    limiter.ban(banned, HOUR, "").await.expect("a ban");
    for (address, requests) in [("192.0.2.1", 9), ("192.0.2.2", 4), ("192.0.2.3", 3), ("192.0.2.4", 1)] {
        for _ in 0..requests {
            get_from(&app, address).await;
        }
    }
    let top = limiter.top().expect("it is on");
    let [one, two, three] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(client);
    assert_eq!(
        counts(&top.busiest),
        [(one.clone(), 9), (two, 4), (three.clone(), 3)],
        "one request is nothing"
    );
    assert_eq!(counts(&top.refused), [(one, 5), (three, 3)]);
    assert!(top.busiest.iter().all(|client| client.error == 0));
}

#[actix_web::test]
async fn nothing_is_counted_unless_set() {
    let limiter = Limiter::default();
    assert_eq!(get_from(&app(&limiter).await, "192.0.2.1").await, 200);
    assert!(limiter.top().is_none());
}
