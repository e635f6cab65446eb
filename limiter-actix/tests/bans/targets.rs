//! Networks, and the prefix of IPv6 clients.

use limiter_actix::{BanTarget, Key, Limiter, TrustedProxies};
use limiter_test_support::app::ask;

use crate::{HOUR, app, from, get_from};

fn network(text: &str) -> BanTarget {
    text.parse().expect("a network")
}

#[actix_web::test]
async fn the_smallest_network_decides() {
    let limiter = Limiter::builder().default_limits("1/hour").build().expect("a limiter");
    let app = app(&limiter).await;
    limiter.ban(network("10.0.0.0/8"), HOUR, "").await.expect("a ban");
    limiter.allow(network("10.1.0.0/16"), HOUR).await.expect("a pass");
    limiter.ban(network("10.1.2.3"), HOUR, "").await.expect("a ban");
    limiter.ban(network("2001:db8::/32"), HOUR, "").await.expect("a ban");
    for (address, expected) in [
        ("10.9.9.9", 403),
        ("10.1.9.9", 200),
        ("10.1.9.9", 200),
        ("10.1.2.3", 403),
        ("::ffff:10.1.2.3", 403),
        ("11.0.0.1", 200),
        ("11.0.0.1", 429),
        ("2001:db8:1::1", 403),
        ("2001:db9::1", 200),
    ] {
        assert_eq!(get_from(&app, address).await, expected, "{address}");
    }
    assert!(limiter.unban(network("10.0.0.0/8")).await.expect("no ban"));
    assert_eq!(get_from(&app, "10.9.9.9").await, 200);
}

#[actix_web::test]
async fn an_address_of_ipv6_is_the_network_that_counts_as_one_client() {
    for (prefix, inside, outside) in [
        (64, "2001:db8:1:1::9", "2001:db8:1:2::1"),
        (48, "2001:db8:1:2::1", "2001:db8:2::1"),
        (128, "2001:db8:1:1::1", "2001:db8:1:1::2"),
    ] {
        let limiter = Limiter::builder().ipv6_prefix(prefix).build().expect("a limiter");
        let app = app(&limiter).await;
        let client: std::net::IpAddr = "2001:db8:1:1::1".parse().expect("an address");
        limiter.ban(client, HOUR, "").await.expect("a ban");
        assert_eq!([get_from(&app, inside).await, get_from(&app, outside).await], [403, 200], "{prefix}");
        assert!(limiter.unban(&Key::address(client, prefix)).await.expect("no ban"), "{prefix}: by its key");
        limiter.ban(&Key::address(client, prefix), HOUR, "").await.expect("a ban");
        assert_eq!([get_from(&app, inside).await, get_from(&app, outside).await], [403, 200], "{prefix}");
        assert!(limiter.unban(client).await.expect("no ban"), "{prefix}: by its address");
        assert_eq!(get_from(&app, inside).await, 200);
    }
}

#[actix_web::test]
async fn clients_behind_a_proxy_are_banned_by_their_own_address() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["192.0.2.9"]);
    let limiter = Limiter::builder().trusted_proxies(proxies).build().expect("a limiter");
    let app = app(&limiter).await;
    limiter.ban(network("198.51.100.0/24"), HOUR, "").await.expect("a ban");
    for (proxy, client, expected) in [
        ("192.0.2.9", "198.51.100.7", 403),
        ("192.0.2.9", "203.0.113.1", 200),
        ("203.0.113.2", "198.51.100.7", 200),
        ("198.51.100.7", "203.0.113.1", 403),
    ] {
        let answer = ask(&app, from(proxy).insert_header(("x-forwarded-for", client))).await;
        assert_eq!(answer.status, expected, "{client} through {proxy}");
    }
}
