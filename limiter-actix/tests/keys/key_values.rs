//! Keys that requests carry, and how they are put together.

use actix_web::{HttpMessage, HttpResponse, dev::Service, test::init_service, web};
use limiter_actix::{
    Key, KeyForm, Limit, Limiter, Quota, TrustedProxies, exempt,
    key::{self, KeyExt},
    limit,
};
use limiter_test_support::{app::ask, log};

use crate::page::{app, from, once, passes};

#[actix_web::test]
async fn addresses_count_apart_and_ipv6_by_network() {
    let app = app(once()).await;
    let rows = [
        ("192.0.2.1", true),
        ("192.0.2.2", true),
        ("::ffff:192.0.2.1", false),
        ("::ffff:192.0.2.3", true),
        ("2001:db8::1", true),
        ("2001:db8::ffff:ffff:ffff:ffff", false),
        ("2001:db8:0:1::1", true),
        ("::1", true),
        ("127.0.0.1", true),
    ];
    for (address, expected) in rows {
        assert_eq!(passes(&app, [from(address)]).await, [expected], "{address}");
    }
}

#[actix_web::test]
async fn the_network_of_ipv6_is_as_wide_as_set() {
    for (bits, first, same, other) in [
        (128, "2001:db8::1", "2001:db8::1", "2001:db8::2"),
        (56, "2001:db8::1", "2001:db8:0:ff::1", "2001:db8:0:100::1"),
        (32, "2001:db8::1", "2001:db8:ffff::1", "2001:db9::1"),
    ] {
        let app = app(once().ipv6_prefix(bits)).await;
        assert_eq!(passes(&app, [first, same, other].map(from)).await, [true, false, true], "/{bits}");
    }
}

#[actix_web::test]
async fn a_second_limit_may_count_whole_networks() {
    let wide = Limit::new(Quota::per_hour(2)).key(key::client_network(48));
    let app = app(Limiter::builder().application_limits([Limit::new(Quota::per_hour(1)), wide])).await;
    let addresses = ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:1::1"];
    assert_eq!(passes(&app, addresses.map(from)).await, [true, true, false, true]);
}

#[actix_web::test]
async fn keys_of_limits_know_the_proxies_of_the_limiter() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    let by_tenant = Limit::new(Quota::per_hour(1)).key(key::header("x-tenant").and(key::client_address));
    let app = app(Limiter::builder().trusted_proxies(proxies).default_limits(by_tenant)).await;
    let sent = |client: &'static str, tenant: &'static str| {
        from("10.0.0.1").insert_header(("x-forwarded-for", client)).insert_header(("x-tenant", tenant))
    };
    let requests = [
        sent("192.0.2.1", "a"),
        sent("192.0.2.2", "a"),
        sent("192.0.2.1", "b"),
        sent("6.6.6.6, 192.0.2.1", "a"),
    ];
    assert_eq!(passes(&app, requests).await, [true, true, true, false]);
}

#[actix_web::test]
async fn the_inner_limiter_has_its_own_proxies_and_not_those_of_the_outer() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    let outer = Limiter::builder().trusted_proxies(proxies).build().expect("a limiter");
    let limit = Limit::new(Quota::per_hour(1)).key(key::client_address);
    let inner = Limiter::builder().default_limits(limit).build().expect("a limiter");
    let scope = web::scope("/in").wrap(inner).route("", web::get().to(HttpResponse::Ok));
    let app = init_service(actix_web::App::new().wrap(outer).service(scope)).await;

    let sent = |client: &'static str| from("10.0.0.1").uri("/in").insert_header(("x-forwarded-for", client));
    assert_eq!(passes(&app, ["192.0.2.1", "192.0.2.2"].map(sent)).await, [true, false]);
}

#[actix_web::test]
async fn keys_by_peer_ignore_proxies() {
    let proxies = TrustedProxies::x_forwarded_for().networks(["10.0.0.0/8"]);
    let app = app(once().trusted_proxies(proxies).key(key::peer_address)).await;
    let sent = |client: &'static str| from("10.0.0.1").insert_header(("x-forwarded-for", client));
    assert_eq!(passes(&app, ["192.0.2.1", "192.0.2.2"].map(sent)).await, [true, false]);
}

#[actix_web::test]
async fn keys_by_header_and_without_it_by_address() {
    let app = app(once().key(key::header("X-Api-Key"))).await;
    let sent = |address, key: &'static str| from(address).insert_header(("x-api-key", key));
    let requests = vec![
        sent("192.0.2.1", "a"),
        sent("192.0.2.2", "a"),
        sent("192.0.2.1", "b"),
        // Missing and empty ones: by address.
        from("192.0.2.1"),
        sent("192.0.2.1", ""),
        sent("192.0.2.1", "  "),
        // Twice: nobody knows which is meant.
        sent("192.0.2.1", "c").append_header(("x-api-key", "d")),
        from("192.0.2.2"),
        // An address as a value is not that address.
        sent("192.0.2.9", "192.0.2.3"),
        from("192.0.2.3"),
    ];
    let expected = [true, false, true, true, false, false, false, true, true, true];
    assert_eq!(passes(&app, requests).await, expected);
}

#[actix_web::test]
async fn bytes_that_are_no_text_are_no_key() {
    let app = app(once().key(key::header("x-api-key"))).await;
    let sent = |value: &'static [u8]| {
        let value = actix_web::http::header::HeaderValue::from_bytes(value).expect("a value");
        from("192.0.2.1").insert_header(("x-api-key", value))
    };
    let values = [&b"\xff\xfe"[..], b"\xff\xfd", "é".as_bytes(), "è".as_bytes(), "é".as_bytes()];
    assert_eq!(passes(&app, values.map(sent)).await, [true, false, true, true, false]);
}

#[actix_web::test]
async fn keys_by_bearer_token() {
    let app = app(once().key(key::bearer_token)).await;
    let sent = |value: &'static str| from("192.0.2.1").insert_header(("authorization", value));
    for (value, expected) in [
        ("Bearer abc", true),
        ("bearer abc", false),
        ("BEARER   abc", false),
        ("Bearer abd", true),
        // No token: by address, which passes once.
        ("Basic abc", true),
        ("Bearer", false),
        ("Bearer ", false),
        ("Bearerabc", false),
        ("é", false),
    ] {
        assert_eq!(passes(&app, [sent(value)]).await, [expected], "{value}");
    }
}

#[actix_web::test]
async fn keys_by_query_parameter() {
    let app = app(once().key(key::query("token"))).await;
    let sent = |target: &'static str| from("192.0.2.1").uri(target);
    for (target, expected) in [
        ("/?token=abc", true),
        ("/?a=b&token=abc&c", false),
        ("/?token=%61bc", false),
        ("/?tok%65n=abc", false),
        ("/?token=a+b", true),
        ("/?token=a%20b", false),
        // Missing, empty or twice: by address.
        ("/", true),
        ("/?token", false),
        ("/?token=", false),
        ("/?Token=abc", false),
        ("/?token=x&token=y", false),
    ] {
        assert_eq!(passes(&app, [sent(target)]).await, [expected], "{target}");
    }
}

#[actix_web::test]
async fn keys_by_cookie() {
    let app = app(once().key(key::cookie("session"))).await;
    let sent = |value: &'static str| from("192.0.2.1").insert_header(("cookie", value));
    for (value, expected) in [
        ("session=abc", true),
        ("a=b; session=abc", false),
        ("session=abd", true),
        ("other=abc", true),
        ("session=", false),
        ("", false),
    ] {
        assert_eq!(passes(&app, [sent(value)]).await, [expected], "{value}");
    }
}

#[actix_web::test]
async fn keys_by_request_extension() {
    struct User(&'static str);
    let limiter = once().key(key::extension(|user: &User| Key::text("user", user.0)));
    let limiter = limiter.build().expect("a limiter");
    let app = actix_web::App::new().wrap(limiter).wrap_fn(|req, service| {
        match req.path() {
            "/alice" => drop(req.extensions_mut().insert(User("alice"))),
            "/nobody" => drop(req.extensions_mut().insert(User(""))),
            _ => {}
        }
        service.call(req)
    });
    let app = init_service(app.default_service(web::to(HttpResponse::Ok))).await;

    let sent = |(address, path): (&str, &'static str)| from(address).uri(path);
    let requests =
        [("192.0.2.1", "/alice"), ("192.0.2.2", "/alice"), ("192.0.2.1", "/"), ("192.0.2.1", "/nobody")];
    assert_eq!(passes(&app, requests.map(sent)).await, [true, false, true, false]);
}

#[actix_web::test]
async fn keys_of_two_parts() {
    let both = app(once().key(key::header("x-a").and(key::header("x-b")))).await;
    let sent = |a: &'static str, b: &'static str| {
        from("192.0.2.1").insert_header(("x-a", a)).insert_header(("x-b", b))
    };
    let requests = [sent("a", "b_c"), sent("a_b", "c"), sent("b_c", "a"), sent("a", "b_c")];
    assert_eq!(passes(&both, requests).await, [true, true, true, false]);
    // One is missing: the address.
    assert_eq!(passes(&both, [sent("a", ""), sent("", "b"), from("192.0.2.1")]).await, [true, false, false]);
}

#[actix_web::test]
async fn keys_with_a_fallback() {
    let either = app(once().key(key::header("x-a").or_else(key::query("a")))).await;
    let requests = [
        from("192.0.2.1").insert_header(("x-a", "1")),
        from("192.0.2.1").uri("/?a=1"),
        from("192.0.2.2").uri("/?a=1"),
        from("192.0.2.2").uri("/?a=1").insert_header(("x-a", "1")),
        from("192.0.2.2"),
        from("192.0.2.2"),
    ];
    assert_eq!(passes(&either, requests).await, [true, true, false, false, true, false]);
}

#[limit("1/hour", key = key::header("x-api-key").or_else(key::bearer_token))]
#[actix_web::get("/limited")]
async fn limited() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[exempt]
#[actix_web::get("/")]
async fn free() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[actix_web::test]
async fn attributes_take_keys() {
    let app = actix_web::App::new().wrap(Limiter::default()).service(limited).service(free);
    let app = init_service(app).await;
    let sent = |key: &'static str| from("192.0.2.1").uri("/limited").insert_header(("x-api-key", key));
    let token = from("192.0.2.1").uri("/limited").insert_header(("authorization", "Bearer a"));
    assert_eq!(passes(&app, [sent("a"), sent("b"), token, sent("a")]).await, [true, true, true, false]);
}

#[actix_web::test]
async fn keys_can_be_written_by_hand() {
    let limit = Limit::new(Quota::per_hour(1)).key(key::header("X-Api-Key"));
    let limiter = Limiter::builder().named_limit("searches", limit).build().expect("a limiter");
    let handler = {
        let limiter = limiter.clone();
        move |req: actix_web::HttpRequest| {
            let limiter = limiter.clone();
            async move { limiter.check(&req, "searches").await.map(|_| HttpResponse::Ok()) }
        }
    };
    let app = init_service(actix_web::App::new().route("/", web::get().to(handler))).await;
    let sent = || from("192.0.2.1").insert_header(("x-api-key", "a"));

    assert_eq!(passes(&app, [sent(), sent()]).await, [true, false]);
    limiter.clear("searches", &Key::text("header x-api-key", "a")).await.expect("it is cleared");
    assert_eq!(passes(&app, [sent()]).await, [true]);
}

#[actix_web::test]
async fn logs_show_addresses_as_set_and_never_a_secret() {
    log::capture();
    for (addresses, shown) in [
        (KeyForm::Full, "and 192.0.2.77"),
        (KeyForm::Hashed, "and address "),
        (KeyForm::Hidden, "and address"),
    ] {
        let key = key::header("x-api-key").and(key::client_address);
        let app = app(once().key(key).log_addresses(addresses)).await;
        let sent = || from("192.0.2.77").insert_header(("x-api-key", "hunter2"));
        let before = log::here("refused").len();
        assert_eq!(passes(&app, [sent(), sent()]).await, [true, false]);
        let said = log::here("refused").split_off(before);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("header x-api-key ") && said[0].contains(shown), "{said:?}");
        assert_eq!(said[0].contains("192.0.2.77"), addresses == KeyForm::Full, "{said:?}");
    }
    assert_eq!(log::here("hunter2"), Vec::<String>::new());
}

#[actix_web::test]
async fn keys_can_be_made_of_the_whole_address() {
    let by_last_byte = |req: &actix_web::dev::ServiceRequest| {
        let last = key::client_ip(req)?.to_string().pop()?;
        Some(Key::text("last", last.to_string()))
    };
    let proxies = TrustedProxies::header("x-real-ip").networks(["10.0.0.1"]);
    let app = app(once().trusted_proxies(proxies).key(by_last_byte)).await;
    let sent = |client: &'static str| from("10.0.0.1").insert_header(("x-real-ip", client));
    assert_eq!(passes(&app, ["192.0.2.1", "198.51.100.1", "192.0.2.2"].map(sent)).await, [true, false, true]);
    assert_eq!(ask(&app, from("192.0.2.9").insert_header(("x-real-ip", "192.0.2.1"))).await.status, 200);
}

/// A function that reads a user from a header.
fn user(req: &actix_web::dev::ServiceRequest) -> Option<Key> {
    let name = req.headers().get("x-user")?.to_str().ok()?;
    Some(Key::text("user", name.to_owned()))
}

/// The log and the breach of a user's refusal.
async fn shown_refusal(limiter: limiter_actix::LimiterBuilder, name: &str) -> (String, String) {
    static CLIENT: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
    let limiter = limiter.key(user).on_breach(|breach, _| {
        *CLIENT.lock().expect("one test at a time") = breach.client().to_string();
        None
    });
    let app = app(limiter).await;
    let sent = || from("192.0.2.1").insert_header(("x-user", name));
    let before = log::here("refused").len();
    assert_eq!(passes(&app, [sent(), sent()]).await, [true, false]);
    let said = log::here("refused").split_off(before);
    (said.concat(), CLIENT.lock().expect("one test at a time").clone())
}

/// The defect: with keys by user, every line read `key=user`, and nobody could find out who was refused.
#[actix_web::test]
async fn refusals_show_users_by_kind_and_hash_or_as_set() {
    log::capture();
    let secret = b"0123456789abcdef";
    let (_, alice) = shown_refusal(once().log_secret(secret), "alice").await;
    let (said, again) = shown_refusal(once().log_secret(secret), "alice").await;
    assert_eq!(alice, again, "another limiter with the secret");
    assert!(alice.starts_with("user ") && !alice.contains("alice"), "{alice}");
    assert!(said.contains(&format!("key={alice}")), "{said}");
    for (limiter, name) in [
        (once().log_secret(secret), "bob"),
        (once(), "alice"),
        (once().log_secret(b"another secret.."), "alice"),
    ] {
        assert_ne!(shown_refusal(limiter, name).await.1, alice, "{name}");
    }

    let (said, shown) = shown_refusal(once().log_keys("user", KeyForm::Full), "alice").await;
    assert!(said.contains("key=user alice") && shown == "user alice", "{said} {shown}");
    let (said, shown) = shown_refusal(once().log_keys("user", KeyForm::Hidden), "alice").await;
    assert!(!said.contains("alice") && shown == "user", "{said} {shown}");
    let (_, shown) = shown_refusal(once().log_keys("header x-user", KeyForm::Full), "alice").await;
    assert!(!shown.contains("alice"), "another kind: {shown}");
}
