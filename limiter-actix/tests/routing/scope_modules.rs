//! Limits and exemptions above `#[scope]` modules.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use actix_web::{App, body::MessageBody, dev::ServiceRequest, guard, scope, test::init_service, web};
use limiter_actix::{
    Exempt, Limit, Limiter, LimiterBuilder, ManualClock, Quota, ScopeExt, ScopeFactory, exempt, limit,
};
use limiter_test_support::app::{ask, get, request};

/// Limited twice, with a key of the outside.
#[limit("3/minute")]
#[limit("4/hour", key = user)]
#[scope("/v1")]
mod v1 {
    use actix_web::{Responder, get, post, routes};
    use limiter_actix::{exempt, limit};

    #[get("/a")]
    pub async fn a() -> impl Responder {
        "a"
    }

    #[post("/a")]
    pub async fn post_a() -> impl Responder {
        "a"
    }

    #[routes]
    #[get("/b")]
    #[get("/c/{id}")]
    pub async fn b_and_c() -> impl Responder {
        "b and c"
    }

    #[limit("1/minute")]
    #[get("/instead")]
    pub async fn instead() -> impl Responder {
        "instead"
    }

    #[limit("2/minute", override_defaults = false)]
    #[get("/besides")]
    pub async fn besides() -> impl Responder {
        "besides"
    }

    #[exempt(scopes)]
    #[get("/free")]
    pub async fn free() -> impl Responder {
        "free"
    }
}

fn user(req: &ServiceRequest) -> String {
    req.query_string().to_owned()
}

#[limit("4/minute", override_defaults = false)]
#[scope("/more")]
mod more {
    use actix_web::get;

    #[get("/a")]
    pub async fn a() -> &'static str {
        "a"
    }
}

#[exempt]
#[scope("/health")]
mod health {
    use actix_web::get;
    use limiter_actix::limit;

    #[get("")]
    pub async fn health() -> &'static str {
        "healthy"
    }

    #[limit("1/minute")]
    #[get("/deep")]
    pub async fn deep() -> &'static str {
        "very healthy"
    }
}

#[exempt(default)]
#[limit("4/minute", override_defaults = false)]
#[scope("/both")]
mod both {
    use actix_web::get;

    #[get("/a")]
    pub async fn a() -> &'static str {
        "a"
    }
}

/// actix puts only the prefix of the innermost module before a path; the limits nest all the same.
#[limit("3/minute")]
#[scope("/outer/of/all")]
mod outer {
    use actix_web::{get, scope};
    use limiter_actix::{exempt, limit};

    #[get("/a")]
    pub async fn a() -> &'static str {
        "a"
    }

    #[limit("2/minute", override_defaults = false)]
    #[scope("/adds")]
    pub(crate) mod adds {
        use actix_web::{get, scope};

        #[get("/a")]
        pub async fn a() -> &'static str {
            "a"
        }

        #[scope("/inherits")]
        pub(crate) mod inherits {
            use actix_web::get;

            #[get("/a")]
            pub async fn a() -> &'static str {
                "a"
            }
        }
    }

    #[limit("4/minute")]
    #[scope("/replaces")]
    pub(crate) mod replaces {
        use actix_web::get;

        #[get("/a")]
        pub async fn a() -> &'static str {
            "a"
        }
    }

    #[exempt(scopes)]
    #[scope("/lifts")]
    pub(crate) mod lifts {
        use actix_web::get;

        #[get("/a")]
        pub async fn a() -> &'static str {
            "a"
        }
    }

    #[scope("/outer/of/all")]
    pub(crate) mod same {
        use actix_web::get;
        use limiter_actix::limit;

        #[limit("9/minute", override_defaults = false)]
        #[get("/b")]
        pub async fn b() -> &'static str {
            "b"
        }
    }
}

/// One level for each method, of equal limits.
#[limit("1/minute", methods = ["GET"])]
#[scope("/same")]
mod same {
    use actix_web::scope;
    use limiter_actix::limit;

    #[limit("1/minute", methods = ["POST"])]
    #[scope("/same")]
    pub(crate) mod inner {
        use actix_web::routes;

        #[routes]
        #[get("/x")]
        #[post("/x")]
        pub async fn x() -> &'static str {
            "x"
        }
    }
}

fn builder(default: &str) -> LimiterBuilder {
    Limiter::builder().clock(clock()).default_limits(default)
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(UNIX_EPOCH + Duration::from_secs(1_000_000)))
}

fn all(config: &mut web::ServiceConfig) {
    config.service((v1::a, v1::post_a, v1::b_and_c, v1::instead, v1::besides, v1::free));
    config.service((more::a, health::health, health::deep, both::a));
    config.service((outer::a, outer::adds::a, outer::adds::inherits::a, outer::replaces::a));
    config.service((outer::lifts::a, outer::same::b));
}

/// Counts the GETs of twenty that pass.
async fn passing<B: MessageBody>(app: App<impl ScopeFactory<B>>, target: &str) -> usize {
    let app = init_service(app).await;
    let mut passed = 0;
    for _ in 0..20 {
        passed += usize::from(get(&app, target).await == 200);
    }
    passed
}

/// Counts the GETs of twenty that pass in an app with all handlers and these default limits.
async fn passing_with(default: &str, target: &str) -> usize {
    let limiter = builder(default).build().unwrap();
    passing(App::new().wrap(limiter).configure(all), target).await
}

#[actix_web::test]
async fn each_route_is_counted_by_itself() {
    let clock = clock();
    let limiter = builder("1/minute").clock(clock.clone()).build().unwrap();
    let app = init_service(App::new().wrap(limiter).configure(all)).await;
    for target in ["/v1/a", "/v1/b", "/v1/c/1"] {
        for expected in [200, 200, 200, 429] {
            assert_eq!(get(&app, target).await, expected, "{target}");
        }
    }
    // A pattern is one route for all its methods and parameters, and each limit has a key of its own.
    assert_eq!(ask(&app, request("POST", "/v1/a")).await.status, 429);
    assert_eq!(get(&app, "/v1/c/2").await, 429);
    clock.advance(Duration::from_secs(60));
    assert_eq!(get(&app, "/v1/a").await, 200);
    clock.advance(Duration::from_secs(60));
    assert_eq!(get(&app, "/v1/a").await, 429);
    assert_eq!(get(&app, "/v1/a?ann").await, 200);
}

#[actix_web::test]
async fn modules_override_the_default_limits() {
    for (default, target, expected) in [
        ("1/minute", "/v1/a", 3),
        ("1/minute", "/more/a", 1),
        ("9/minute", "/more/a", 4),
        ("1/minute", "/both/a", 4),
        ("1/minute", "/none", 0),
    ] {
        assert_eq!(passing_with(default, target).await, expected, "{target} with {default}");
    }
}

#[actix_web::test]
async fn handlers_override_their_module() {
    for (default, target, expected) in [
        ("5/minute", "/v1/instead", 1),
        ("5/minute", "/v1/besides", 2),
        ("1/minute", "/v1/besides", 1),
        ("5/minute", "/v1/free", 5),
    ] {
        assert_eq!(passing_with(default, target).await, expected, "{target} with {default}");
    }
}

#[actix_web::test]
async fn an_exempt_module_is_exempt_from_what_is_further_out() {
    let limiter = || builder("1/minute").application_limits("2/minute").build().unwrap();
    for (target, expected) in [("/health", 20), ("/health/deep", 1), ("/both/a", 2)] {
        let app = App::new().wrap(limiter()).configure(all);
        assert_eq!(passing(app, target).await, expected, "{target}");
    }
}

#[actix_web::test]
async fn nested_modules_are_nested_levels() {
    for (default, target, expected) in [
        ("1/minute", "/outer/of/all/a", 3),
        ("5/minute", "/adds/a", 2),
        ("1/minute", "/adds/a", 1),
        ("5/minute", "/inherits/a", 2),
        ("1/minute", "/replaces/a", 4),
        ("7/minute", "/lifts/a", 7),
        // Its own 9, and 3 of the module around the one around it.
        ("20/minute", "/outer/of/all/b", 3),
    ] {
        assert_eq!(passing_with(default, target).await, expected, "{target} with {default}");
    }
}

#[actix_web::test]
async fn modules_in_scopes() {
    let limiter = || builder("1/minute").build().unwrap();
    let more = |amount| Limit::new(Quota::per_minute(amount)).override_defaults(false);

    // The module is further in, and decides.
    let api = web::scope("/api").limit(Quota::per_minute(2)).configure(all);
    assert_eq!(passing(App::new().wrap(limiter()).service(api), "/api/v1/a").await, 3);
    let api = web::scope("/api").limit(Quota::per_minute(2)).configure(all);
    assert_eq!(passing(App::new().wrap(limiter()).service(api), "/api/more/a").await, 1);
    // The scope is further out than both modules, whatever their prefixes.
    let api = web::scope("/api").exempt(Exempt::DEFAULT).configure(all);
    assert_eq!(passing(App::new().wrap(limiter()).service(api), "/api/inherits/a").await, 2);

    // A scope with the prefix of the module is the same level: all its limits hold, and one that overrides
    // does so for all.
    let same = builder("1/minute").scope("/v1", more(2)).build().unwrap();
    assert_eq!(passing(App::new().wrap(same).configure(all), "/v1/a").await, 2);
    let further_in = builder("1/minute").scope("/v1/a", more(2)).build().unwrap();
    assert_eq!(passing(App::new().wrap(further_in).configure(all), "/v1/a").await, 1);
}

/// A count of the module never serves for an equal limit of the scope with the same prefix.
#[actix_web::test]
async fn equal_limits_of_one_level_count_apart() {
    let limiter = builder("9/minute").scope("/v1", Quota::per_minute(3)).build().unwrap();
    assert_eq!(passing(App::new().wrap(limiter).configure(all), "/v1/a").await, 3);
}

#[actix_web::test]
async fn modules_on_a_route_that_another_pattern_hides() {
    let hiding = web::resource("/v1/{any}").guard(guard::fn_guard(|_| false));
    let limiter = builder("9/minute").build().unwrap();
    assert_eq!(passing(App::new().wrap(limiter).service(hiding).configure(all), "/v1/a").await, 3);
}

#[actix_web::test]
async fn equal_limits_of_nested_modules_with_one_prefix_count_apart() {
    let limiter = builder("9/minute").build().unwrap();
    let app = init_service(App::new().wrap(limiter).service(same::inner::x)).await;
    for status in [200, 429] {
        for method in ["GET", "POST"] {
            assert_eq!(ask(&app, request(method, "/same/x")).await.status, status, "{method}");
        }
    }
}
