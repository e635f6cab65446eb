//! Bans by rule, and refusals by reservations, on real servers. `cargo xtask test soak` runs these.

use std::{sync::Arc, time::Duration};

use actix_web::{
    App, HttpResponse,
    rt::time::sleep,
    test::init_service,
    web::{self, Data},
};
use futures_util::{StreamExt, future::ready, stream::FuturesUnordered};
use limiter_actix::{
    Limit, Limiter, LimiterBuilder, Quota, key, resource,
    storage::{MemcachedStorage, RedisStorage, Resilient, Storage},
};
use limiter_test_servers::{Cluster, Memcached, Mongo, Redis};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};
use tokio::sync::Semaphore;

use super::mongodb;

/// Longer than the default, since a deadline on a busy machine is no fault of the limiter.
const DEADLINE: Duration = Duration::from_secs(30);

fn limiter(storage: impl Storage + 'static) -> LimiterBuilder {
    let storage = Resilient::new(storage).deadline(DEADLINE);
    Limiter::builder().storage(Arc::new(storage)).key(key::header("x-user"))
}

/// The status, and the wait of a refusal in seconds.
fn outcome(answer: &Answer) -> (u16, u64) {
    let wait = answer.header("retry-after").and_then(|wait| wait.parse().ok());
    (answer.status, wait.unwrap_or_default())
}

/// The breaches of two processes ban together. The next ban is twice as long.
async fn bans<S: Storage + 'static>(open: impl Fn() -> S) {
    let rule = "1 hour after 3 breaches in 1 hour, doubling up to 1 day".parse().expect("a rule");
    let build = || limiter(open()).default_limits(Limit::new(Quota::per_minute(1)).ban(rule)).build();
    let (one, other) = (build().expect("a limiter"), build().expect("a limiter"));
    let app = async |limiter: &Limiter| {
        init_service(App::new().wrap(limiter.clone()).route("/", web::to(HttpResponse::Ok))).await
    };
    let apps = [app(&one).await, app(&other).await];
    let get = async |process: usize| {
        let request = request("GET", "/").insert_header(("x-user", "eve"));
        outcome(&ask(&apps[process], request).await)
    };
    for expected in [3600, 7200] {
        // The breach that bans has the wait of the ban.
        let mut breaches = 0;
        let wait = loop {
            let (status, wait) = get(breaches % 2).await;
            breaches += usize::from(status == 429);
            if wait > 60 {
                break wait;
            }
        };
        assert_eq!(wait, expected);
        // At least: until the first ban is all done, breaches are no reason for another one.
        assert!(breaches >= 3, "{breaches}");
        let bans = loop {
            let bans = one.bans().await.expect("bans");
            if !bans.is_empty() {
                break bans;
            }
            sleep(Duration::from_millis(10)).await;
        };
        assert_eq!(get(0).await.0, 403);
        assert_eq!(other.bans().await.expect("bans").len(), 1);
        assert_eq!(get(1).await.0, 403);
        for limiter in [&one, &other] {
            limiter.unban(&bans[0]).await.expect("an answer");
        }
    }
}

/// Eight at once under a limit of five failures: three are refused for a second, and no meta limit counts them.
async fn reservations<S: Storage + 'static>(open: impl Fn() -> S) {
    async fn login(gate: Data<Semaphore>) -> HttpResponse {
        drop(gate.acquire().await);
        HttpResponse::Ok().finish()
    }
    let limit = Limit::new(Quota::per_hour(5)).deduct_when(|response| response.status == 401);
    let limiter = limiter(open()).meta_limits("1/day").build().expect("a limiter");
    let gate = Data::new(Semaphore::new(0));
    let app = App::new().app_data(Data::clone(&gate)).wrap(limiter);
    let app = init_service(app.service(resource("/login", limit, |it| it.to(login)))).await;
    let log_in =
        async || outcome(&ask(&app, request("POST", "/login").insert_header(("x-user", "alice"))).await);
    let mut together: FuturesUnordered<_> = (0..8).map(|_| log_in()).collect();
    // The others wait at the gate.
    let refused: Vec<_> = together.by_ref().take(3).collect().await;
    assert_eq!(refused, [(429, 1); 3]);
    gate.add_permits(100);
    assert!(together.all(|outcome| ready(outcome == (200, 0))).await);
    // Until the refunds have arrived, their reservations refuse.
    while let (429, wait) = log_in().await {
        assert_eq!(wait, 1);
        sleep(Duration::from_millis(10)).await;
    }
}

fn redis(uri: &str) -> RedisStorage {
    RedisStorage::new(uri).expect("an address")
}

fn memcached(uri: &str) -> MemcachedStorage {
    MemcachedStorage::new(uri).expect("an address")
}

macro_rules! on {
    ($name:ident, $server:ident, $open:path) => {
        #[actix_web::test]
        async fn $name() {
            let server = $server::start();
            let open = || $open(&server.uri());
            bans(open).await;
            reservations(open).await;
        }
    };
}

// On Redis, or on Valkey if `REDIS_SERVER` names it.
on!(on_redis, Redis, redis);
on!(on_a_redis_cluster, Cluster, redis);
on!(on_memcached, Memcached, memcached);
on!(on_mongodb, Mongo, mongodb);
