//! Partition keys: the clients of the fields, under a keyed hash.

use actix_web::{App, dev::ServiceRequest, test::init_service, web};
use limiter_actix::{Headers, Key, Limit, LimiterBuilder, Quota};
use limiter_test_support::app::{ask, request};

use super::{draft_reader, limiter};

const SECRET: &[u8; 16] = b"sixteen of bytes";

fn user(req: &ServiceRequest) -> Key {
    req.headers().get("user").and_then(|user| Some(Key::text("user", user.to_str().ok()?))).into()
}

/// The partition keys of the first answer: of the policies, and of their states.
async fn keys(limiter: LimiterBuilder, client: &str) -> [Vec<Option<Vec<u8>>>; 2] {
    let own_key = Limit::new(Quota::per_day(9)).key(|_| Key::text("all", "one"));
    let limiter = limiter
        .headers(Headers::IETF_DRAFT_11)
        .key(user)
        .default_limits([own_key, Quota::per_day(8).into()].to_vec());
    let app =
        App::new().wrap(limiter.build().expect("limits")).route("/", web::get().to(|| async { "admitted" }));
    let answer = ask(&init_service(app).await, request("GET", "/").insert_header(("user", client))).await;
    assert!(!format!("{:?}", answer.headers).contains(client));
    let read = |name, read: fn(&str) -> Option<Vec<draft_reader::Policy>>| {
        let items = read(answer.header(name).expect("the field")).expect("Structured Fields");
        items.into_iter().map(|(.., key)| key).collect()
    };
    [read("ratelimit-policy", draft_reader::policies), read("ratelimit", draft_reader::states)]
}

#[actix_web::test]
async fn partition_keys_are_off_by_default() {
    assert_eq!(keys(limiter(), "alice").await, [vec![None, None], vec![None, None]]);
}

#[actix_web::test]
async fn partition_keys_differ_by_client_and_agree_in_both_fields() {
    let [policies, states] = keys(limiter().partition_keys(SECRET), "alice").await;
    assert_eq!(policies, states);
    let [all, alice] = &policies[..] else { panic!("two limits") };
    assert_ne!(all, alice);

    let [again, _] = keys(limiter().partition_keys(SECRET), "alice").await;
    assert_eq!(again, policies);
    let [bob, _] = keys(limiter().partition_keys(SECRET), "bobby").await;
    assert_eq!(&bob[0], all);
    assert_ne!(&bob[1], alice);
    let [other_secret, _] = keys(limiter().partition_keys(b"another 16 bytes"), "alice").await;
    assert_ne!(&other_secret[0], all);
    assert_ne!(&other_secret[1], alice);
}

/// A request under plain limits goes a shorter way.
#[actix_web::test]
async fn clients_of_plain_limits_have_partition_keys() {
    let limiter = limiter().headers(Headers::IETF_DRAFT_11).key(user).default_limits("9/day");
    let limiter = limiter.partition_keys(SECRET).build().expect("limits");
    let app = init_service(App::new().wrap(limiter).route("/", web::get().to(|| async { "admitted" }))).await;
    let mut keys = Vec::new();
    for client in ["alice", "bobby", "alice", "bobby"] {
        let answer = ask(&app, request("GET", "/").insert_header(("user", client))).await;
        let policies = draft_reader::policies(answer.header("ratelimit-policy").expect("the field"));
        keys.extend(policies.expect("Structured Fields").into_iter().filter_map(|(.., key)| key));
    }
    assert!(keys.len() == 4 && keys[0] != keys[1] && keys[..2] == keys[2..], "{keys:?}");
}
