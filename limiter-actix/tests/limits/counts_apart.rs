//! Limits that look alike, whose counts stay apart.

use std::sync::Arc;

use actix_web::{App, dev::Service, get, guard, post, put, test::init_service, web};
use limiter_actix::{
    Key, Limit, Limits, Quota, ScopeExt, Strategy, limit as limited, storage::MemoryStorage,
};
use limiter_test_support::play::{builder, clock, header, in_a_system, limits, page, play_to, ruled};

use crate::probe::hold;

fn once() -> Limit {
    Limit::new(Quota::per_minute(1))
}

#[test]
fn equal_limits_at_all_levels() {
    hold(
        |it| it.application_limits("2/minute").default_limits("2/minute").headers(true),
        |app| {
            let adding = || limits("2/minute").each(|limit| limit.override_defaults(false));
            let inner = web::scope("/c").service(ruled("/x", adding(), "x")).limit(adding());
            app.service(web::scope("/p").service(inner).limit(adding()));
        },
        &[
            (0.0, "GET /p/c/x", "", "200 [L=2 R=1 X=T+60]"),
            (0.0, "GET /p/c/x", "", "200 [L=2 R=0 X=T+60]"),
            (0.0, "GET /p/c/x", "", "429 [L=2 R=0 X=T+60 A=60]"),
        ],
    );
}

#[test]
fn equal_limits_of_three_methods_on_one_pattern() {
    hold(
        |it| it,
        |app| {
            #[limited("1/minute")]
            #[get("/x")]
            async fn got() -> &'static str {
                "got"
            }
            #[limited("1/minute")]
            #[post("/x")]
            async fn posted() -> &'static str {
                "posted"
            }
            #[limited("1/minute")]
            #[put("/x")]
            async fn stored() -> &'static str {
                "stored"
            }
            app.service(got).service(posted).service(stored);
        },
        &[
            (0.0, "GET /x", "", "200 'got'"),
            (0.0, "POST /x", "", "200 'posted'"),
            (0.0, "PUT /x", "", "200 'stored'"),
            (0.0, "GET /x", "", "429"),
            (0.0, "POST /x", "", "429"),
            (0.0, "PUT /x", "", "429"),
        ],
    );
}

#[test]
fn equal_limits_of_handlers_with_a_guard() {
    hold(
        |it| it,
        |app| {
            #[limited("1/minute")]
            #[get("/x", guard = "is_new")]
            async fn new() -> &'static str {
                "new"
            }
            #[limited("1/minute")]
            #[get("/x")]
            async fn old() -> &'static str {
                "old"
            }
            fn is_new(it: &guard::GuardContext<'_>) -> bool {
                it.head().headers().contains_key("new")
            }
            app.service(new).service(old);
        },
        &[
            (0.0, "GET /x", "", "200 'old'"),
            (0.0, "GET /x", "new: 1", "200 'new'"),
            (0.0, "GET /x", "", "429"),
            (0.0, "GET /x", "new: 1", "429"),
        ],
    );
}

#[test]
fn routes_named_like_tiers() {
    let names = ["/application", "/default", "/meta", "/route", "/scope", "/shared", "/unmatched"];
    let each_once = names.map(|name| format!("GET {name}"));
    let steps: Vec<_> = each_once
        .iter()
        .map(|request| (0.0, request.as_str(), "", "200"))
        .chain([(0.0, "GET /nowhere", "", "404")])
        .chain(each_once.iter().map(|request| (0.0, request.as_str(), "", "429 '1 per 1 minute'")))
        .chain([(0.0, "GET /nowhere", "", "429 '1 per 1 minute'")])
        .collect();
    hold(
        |it| it.application_limits("100/minute").default_limits("1/minute").meta_limits("100/minute"),
        |app| {
            for name in names {
                app.service(page(name, ""));
            }
        },
        &steps,
    );
    hold(
        |it| it.application_limits("100/minute").default_limits("1/minute").meta_limits("100/minute"),
        |app| {
            for name in names {
                app.service(ruled(name, once(), ""));
            }
        },
        &steps,
    );
}

#[test]
fn shared_names_like_patterns_and_tiers() {
    let names = [
        ("GET /1", "/1", "/a"),
        ("GET /2", "/2", "application"),
        ("GET /3", "/3", "default"),
        ("GET /4", "/4", "meta"),
        ("GET /5", "/5", "route"),
        ("GET /6", "/6", "unmatched"),
        ("GET /7", "/7", "shared"),
        ("GET /8", "/8", "GET"),
    ];
    let each_once = names.map(|(request, ..)| (0.0, request, "", "200"));
    let steps: Vec<_> =
        each_once.into_iter().chain([(0.0, "GET /a", "", "200"), (0.0, "GET /nowhere", "", "404")]).collect();
    hold(
        |it| it.application_limits("10/minute").default_limits("1/minute").meta_limits("1/minute"),
        |app| {
            app.service(ruled("/a", once(), "a"));
            for (_, path, name) in names {
                app.service(ruled(path, once().shared(name), ""));
            }
        },
        &steps,
    );
}

#[test]
fn names_from_functions_and_methods() {
    hold(
        |it| it,
        |app| {
            app.service(ruled("/a", once().shared("GET").per_method(true), "a"));
            app.service(ruled("/b", once().shared_with(|_| "POST").per_method(true), "b"));
        },
        &[(0.0, "POST /a", "", "200"), (0.0, "GET /b", "", "200")],
    );
}

#[test]
fn key_parts_that_join_to_the_same_text() {
    hold(
        |it| {
            it.default_limits("1/minute").key(|req| {
                let kind = header(req, "kind").unwrap_or_default().to_owned();
                let key = Key::text(kind, header(req, "of").unwrap_or_default());
                match header(req, "and") {
                    Some(other) => key.and(Key::text("", other)),
                    None => key,
                }
            })
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "kind: a, of: bc", "200"),
            (0.0, "GET /a", "kind: ab, of: c", "200"),
            (0.0, "GET /a", "kind: a, of: b, and: c", "200"),
            (0.0, "GET /a", "kind: a, of: bc, and: c", "200"),
            (0.0, "GET /a", "kind: a, of: b, and: cc", "200"),
            (0.0, "GET /a", "of: abc", "200"),
            // A text like an address is not one.
            (0.0, "GET /a", "kind: address, of: 192.0.2.1", "200"),
            (0.0, "GET /a", "of: 192.0.2.1", "200"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "kind: a, of: b, and: cc", "429"),
        ],
    );
}

#[test]
fn equal_limits_from_functions_beside_each_other() {
    hold(
        |it| it.headers(true),
        |app| {
            let told = || Limit::dynamic(|_| "2/minute; 2/minute");
            let all = [told(), told(), Limit::new(Quota::per_minute(2)), Limit::new(Quota::per_minute(2))];
            app.service(ruled("/a", Limits::from(all), "a"));
        },
        &[
            (0.0, "GET /a", "", "200 [L=2 R=1 X=T+60]"),
            (0.0, "GET /a", "", "200 [L=2 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429 [L=2 R=0 X=T+60 A=60]"),
        ],
    );
}

#[test]
fn equal_quotas_by_two_strategies() {
    hold(
        |it| it.headers(true),
        |app| {
            let by = |strategy| Limit::new(Quota::per_minute(2)).strategy(strategy).shared("s");
            app.service(ruled("/a", by(Strategy::FixedWindow), "a"));
            app.service(ruled("/b", by(Strategy::MovingWindow), "b"));
        },
        &[(0.0, "GET /a", "", "200 [L=2 R=1 X=T+60]"), (0.0, "GET /b", "", "200 [L=2 R=1 X=T+60]")],
    );
}

#[test]
fn two_limiters_on_one_storage() {
    let wrong = in_a_system(async {
        let (clock, memory) = (clock(), Arc::new(MemoryStorage::new()));
        let mut wrong = Vec::new();
        for prefix in ["one", "other"] {
            let limiter = builder(&clock)
                .memory_storage(Arc::clone(&memory))
                .key_prefix(prefix)
                .application_limits("9/minute")
                .default_limits("1/minute")
                .meta_limits("1/hour")
                .build()
                .expect("the limits can be read");
            let app = init_service(App::new().wrap(limiter).service(page("/a", "a"))).await;
            let steps = [
                (0.0, "GET /a", "", "200"),
                (0.0, "GET /a", "", "429 '1 per 1 minute'"),
                (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            ];
            wrong.extend(play_to(async |it| app.call(it.to_request()).await, &clock, &steps).await);
        }
        wrong
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn one_handler_in_two_scopes() {
    hold(
        |it| it.default_limits("1/minute"),
        |app| {
            #[limited("1/minute")]
            #[get("/x/{id}")]
            async fn x() -> &'static str {
                "x"
            }
            app.service(web::scope("/v1").service(x)).service(web::scope("/v2").service(x));
        },
        &[
            (0.0, "GET /v1/x/1", "", "200"),
            (0.0, "GET /v2/x/1", "", "200"),
            // The pattern is the route.
            (0.0, "GET /v1/x/2", "", "429"),
            (0.0, "GET /v2/x/2", "", "429"),
        ],
    );
}

/// Nothing but their order distinguishes the rules of one scope.
#[test]
fn equal_limits_of_one_scope_for_several_methods() {
    hold(
        |it| it,
        |app| {
            let of = |method: &str| once().methods([method]);
            let scope = web::scope("/p").service(page("/x", "x"));
            app.service(scope.limit(of("GET")).limit(of("POST")).limit(of("PUT")));
        },
        &[
            (0.0, "GET /p/x", "", "200"),
            (0.0, "POST /p/x", "", "200"),
            (0.0, "PUT /p/x", "", "200"),
            (0.0, "GET /p/x", "", "429"),
            (0.0, "POST /p/x", "", "429"),
            (0.0, "PUT /p/x", "", "429"),
        ],
    );
}

/// The same for rules by pattern.
#[test]
fn equal_limits_of_one_pattern_for_several_methods() {
    let of = |method: &str| once().methods([method]);
    hold(
        |it| {
            it.route("/x", of("GET"))
                .route("/x", of("POST"))
                .route("/x", of("PUT"))
                .scope("/p", of("GET"))
                .scope("/p", of("POST"))
                .scope("/p", of("PUT"))
        },
        |app| {
            app.service(page("/x", "x")).service(page("/p/x", "x"));
        },
        &[
            (0.0, "GET /x", "", "200"),
            (0.0, "POST /x", "", "200"),
            (0.0, "PUT /x", "", "200"),
            (0.0, "PUT /x", "", "429"),
            (0.0, "GET /p/x", "", "200"),
            (0.0, "POST /p/x", "", "200"),
            (0.0, "PUT /p/x", "", "200"),
            (0.0, "PUT /p/x", "", "429"),
        ],
    );
}

/// A new version of an app does not forget what the old one has counted.
#[test]
fn a_limit_keeps_its_count_when_one_with_another_amount_or_window_comes_before_it() {
    let kept = |text: &str| limits(text).each(|limit| limit.keep_used(true));
    for (before, after) in
        [(limits("1/minute"), limits("9/minute; 1/minute")), (kept("1/minute"), kept("9/hour; 1/minute"))]
    {
        let wrong = in_a_system(async {
            let (clock, memory) = (clock(), Arc::new(MemoryStorage::new()));
            let mut wrong = Vec::new();
            for (limits, second) in [(before, "200"), (after, "429 '1 per 1 minute'")] {
                let limiter = builder(&clock).memory_storage(Arc::clone(&memory)).build().expect("a limiter");
                let app = init_service(App::new().wrap(limiter).service(ruled("/a", limits, ""))).await;
                let steps = [(0.0, "GET /a", "", second)];
                wrong.extend(play_to(async |it| app.call(it.to_request()).await, &clock, &steps).await);
            }
            wrong
        });
        assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    }
}
