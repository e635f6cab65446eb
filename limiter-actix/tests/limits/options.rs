//! The options of limits and of the limiter.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use actix_web::{
    App, HttpResponse,
    dev::{Service, ServiceRequest},
    get,
    test::init_service,
};
use limiter_actix::{Key, Limit, Limits, Quota, Strategy, limit as limited};
use limiter_test_support::play::{builder, clock, expect, header, in_a_system, limits, page, play_to, ruled};

use crate::probe::hold;

fn once() -> Limit {
    Limit::new(Quota::per_minute(1))
}

/// The header `user`, which may be missing or empty.
fn user(req: &ServiceRequest) -> Key {
    header(req, "user").map(|user| Key::text("user", user)).into()
}

// Keys.

#[test]
fn a_missing_or_empty_key_falls_back_to_the_limiters() {
    hold(
        |it| it,
        |app| {
            app.service(ruled("/a", once().key(user), "a"));
        },
        &[
            (0.0, "GET /a", "user: u, k: c1", "200"),
            (0.0, "GET /a", "user: u, k: c2", "429"),
            (0.0, "GET /a", "user: v, k: c2", "200"),
            (0.0, "GET /a", "k: c1", "200"),
            (0.0, "GET /a", "k: c1", "429"),
            (0.0, "GET /a", "user: , k: c1", "429"),
            (0.0, "GET /a", "user: , k: c2", "200"),
        ],
    );
}

#[test]
fn a_missing_key_of_the_limiter_falls_back_to_the_address() {
    hold(
        |it| it.key(user).default_limits("1/minute"),
        |app| {
            app.service(page("/a", "a")).service(ruled("/own", once().key(|_| None::<String>), "own"));
        },
        &[
            (0.0, "GET /a", "user: u", "200"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "user: ", "429"),
            (0.0, "GET /own", "user: u", "200"),
            (0.0, "GET /own", "", "200"),
            (0.0, "GET /own", "", "429"),
        ],
    );
}

#[test]
fn only_unlimited_lifts_a_limit() {
    fn unless_admin(req: &ServiceRequest) -> Key {
        if header(req, "admin").is_some() { Key::unlimited() } else { Key::missing() }
    }
    hold(
        |it| it.headers(true).application_limits("9/minute"),
        |app| {
            let other = Limit::new(Quota::per_hour(5));
            app.service(ruled("/a", Limits::from([once().key(unless_admin), other]), "a"));
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]"),
            (0.0, "GET /a", "admin: 1", "200 [L=5 R=3 X=T+3600]"),
        ],
    );
    hold(
        |it| it.key(unless_admin).default_limits("1/minute").meta_limits("1/hour").headers(true),
        |app| {
            app.service(page("/a", "a")).service(ruled("/own", once().key(|_| "own"), "own"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            (0.0, "GET /a", "admin: 1", "200 []"),
            // A key of its own is not lifted by the limiter's.
            (0.0, "GET /own", "admin: 1", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /own", "admin: 1", "429 '1 per 1 minute'"),
        ],
    );
}

// Switches.

#[test]
fn any_request_filter_lets_pass() {
    hold(
        |it| {
            let filtered = it.default_limits("1/minute").headers(true);
            let filtered = filtered.request_filter(|req| header(req, "x") == Some("1"));
            filtered.request_filter(|req| header(req, "y") == Some("1"))
        },
        |app| {
            app.service(page("/a", "a")).service(ruled("/b", once(), "b"));
        },
        &[
            (0.0, "GET /a", "x: 1", "200 []"),
            (0.0, "GET /a", "y: 1", "200 []"),
            (0.0, "GET /b", "x: 1, y: 1", "200 []"),
            (0.0, "GET /a", "x: 0, y: 0", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429"),
            (0.0, "GET /a", "y: 1", "200 []"),
            (0.0, "GET /b", "", "200 [L=1 R=0 X=T+60]"),
        ],
    );
}

#[test]
fn switched_off_nothing_is_counted() {
    hold(
        |it| it.enabled(false).default_limits("1/minute").headers(true),
        |app| {
            app.service(page("/a", "a")).service(ruled("/b", once(), "b"));
        },
        &[
            (0.0, "GET /a", "", "200 []"),
            (0.0, "GET /a", "", "200 []"),
            (0.0, "GET /b", "", "200 []"),
            (0.0, "GET /b", "", "200 []"),
        ],
    );
}

#[test]
fn switched_while_running() {
    let wrong = in_a_system(async {
        let clock = clock();
        let limiter = builder(&clock).default_limits("1/minute").headers(true).build().expect("a limit");
        let switch = limiter.clone();
        let app =
            App::new().wrap(limiter).service(page("/a", "a")).service(ruled("/b", limits("1/minute"), "b"));
        let app = init_service(app).await;
        let app = async |it: actix_web::test::TestRequest| app.call(it.to_request()).await;
        let mut wrong = Vec::new();
        let on = [(0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"), (0.0, "GET /a", "", "429")];
        wrong.extend(play_to(app, &clock, &on).await);
        switch.set_enabled(false);
        let off =
            [(0.0, "GET /a", "", "200 []"), (0.0, "GET /b", "", "200 []"), (0.0, "GET /b", "", "200 []")];
        wrong.extend(play_to(app, &clock, &off).await);
        switch.set_enabled(true);
        // What was counted before still is, and nothing was in between.
        let on = [
            (0.0, "GET /a", "", "429"),
            (0.0, "GET /b", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /b", "", "429"),
        ];
        wrong.extend(play_to(app, &clock, &on).await);
        wrong
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn exempt_when_switches_one_limit_off() {
    hold(
        |it| it.headers(true),
        |app| {
            let unless_admin = once().exempt_when(|req| header(req, "admin").is_some());
            app.service(ruled("/a", Limits::from([unless_admin, Limit::new(Quota::per_hour(3))]), "a"));
        },
        &[
            (0.0, "GET /a", "admin: 1", "200 [L=3 R=2 X=T+3600]"),
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]"),
            (0.0, "GET /a", "admin: 1", "200 [L=3 R=0 X=T+3600]"),
            (0.0, "GET /a", "admin: 1", "429 [L=3 R=0 X=T+3600 A=3600]"),
        ],
    );
}

// Costs and calls.

#[test]
fn costs() {
    hold(
        |it| it.headers(true).application_limits(Limit::new(Quota::per_hour(100)).cost(10)),
        |app| {
            let length = |req: &ServiceRequest| req.query_string().len() as u64;
            app.service(ruled("/a", Limit::new(Quota::per_minute(10)).cost_with(length), "a"));
            app.service(ruled("/free", Limit::new(Quota::per_minute(10)).cost(0), "free"));
            app.service(page("/plain", ""));
        },
        &[
            (0.0, "GET /a?1234", "", "200 [L=10 R=6 X=T+60]"),
            (0.0, "GET /a?1234567", "", "429 [L=10 R=6 X=T+60 A=60]"),
            (0.0, "GET /a?123456", "", "200 [L=10 R=0 X=T+60]"),
            // A cost of 0 always passes.
            (0.0, "GET /a", "", "200 [L=10 R=0 X=T+60]"),
            (0.0, "GET /free", "", "200 [L=10 R=10 X=T+0]"),
            (0.0, "GET /plain", "", "200 [L=100 R=50 X=T+3600]"),
        ],
    );
}

/// Functions that count their calls.
#[derive(Clone, Default)]
struct Calls(Arc<[AtomicUsize; 6]>);

impl Calls {
    fn call(&self, function: usize) -> usize {
        self.0[function].fetch_add(1, Relaxed)
    }

    fn made(&self) -> [usize; 6] {
        std::array::from_fn(|function| self.0[function].load(Relaxed))
    }

    /// A limit with all functions that there are but those of refusals.
    fn limit(&self) -> Limit {
        let all: [Self; 4] = std::array::from_fn(|_| self.clone());
        let [key, cost, exempt, shared] = all;
        let limit = Limit::new(Quota::per_minute(2)).key(move |_| {
            key.call(0);
            "k"
        });
        let limit = limit.cost_with(move |_| {
            cost.call(1);
            1
        });
        let limit = limit.exempt_when(move |_| {
            exempt.call(2);
            false
        });
        limit.shared_with(move |_| {
            shared.call(3);
            "s"
        })
    }
}

#[test]
fn functions_are_called_once_per_request() {
    let calls = Calls::default();
    let (limit, of_filter, of_limiter) = (calls.limit(), calls.clone(), calls.clone());
    expect(
        |it| {
            let filtered = it.request_filter(move |_| {
                of_filter.call(4);
                false
            });
            filtered.application_limits("9/minute").key(move |_| {
                of_limiter.call(5);
                "limiter"
            })
        },
        |app| {
            app.service(ruled("/a", limit, "a"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429")],
    );
    assert_eq!(calls.made(), [3; 6]);
}

#[test]
fn functions_are_called_once_by_a_limit_with_meta_limits() {
    let calls = Calls::default();
    let limit = calls.limit().meta(Quota::per_day(9));
    expect(
        |it| it,
        |app| {
            app.service(ruled("/a", limit, "a"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429")],
    );
    assert_eq!(calls.made(), [3, 3, 3, 3, 0, 0]);
}

#[test]
fn functions_of_refusals_are_called_for_the_named_limit_only() {
    let calls = Calls::default();
    let refusing = |quota: &str, function: usize| {
        let (message, answer) = (calls.clone(), calls.clone());
        let limit = Limit::new(quota.parse().expect("a quota")).error_message_with(move |_| {
            message.call(function);
            "slow down"
        });
        limit.on_breach(move |_| {
            answer.call(function + 1);
            None
        })
    };
    let both = [refusing("1/hour", 0), refusing("1/minute", 2)];
    expect(
        |it| it,
        |app| {
            app.service(ruled("/a", Limits::from(both), "a"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429 'slow down'")],
    );
    assert_eq!(calls.made(), [1, 1, 0, 0, 0, 0]);
}

// Refusals.

#[test]
fn error_messages_on_all_tiers() {
    hold(
        |it| {
            it.application_limits(Limit::new(Quota::per_minute(3)).error_message("the application's"))
                .default_limits(
                    Limit::new(Quota::per_minute(1)).error_message_with(|req| format!("at {}", req.path())),
                )
        },
        |app| {
            #[limited("1/minute", error_message = told)]
            #[get("/own")]
            async fn own() -> &'static str {
                "own"
            }
            fn told(req: &ServiceRequest) -> String {
                format!("not again, {}", header(req, "k").unwrap_or("you"))
            }
            app.service(page("/a", "a")).service(page("/b", "b")).service(page("/c", "c")).service(own);
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 'at /a'"),
            (0.0, "GET /own", "", "200"),
            (0.0, "GET /own", "", "429 'not again, you'"),
            (0.0, "GET /b", "", "200"),
            (0.0, "GET /own", "k: me", "200"),
            (0.0, "GET /own", "k: me", "429 'not again, me'"),
            (0.0, "GET /c", "", "429 'the application's'"),
        ],
    );
}

#[test]
fn on_breach_of_the_limit_then_of_the_limiter_then_the_default() {
    fn only_for_b(breach: &limiter_actix::Breach) -> Option<HttpResponse> {
        (breach.route() == Some("/b")).then(|| HttpResponse::Ok().body("the limiter's"))
    }
    hold(
        |it| it.headers(true).on_breach(only_for_b),
        |app| {
            let own = once().on_breach(|_| Some(HttpResponse::Conflict().body("its own")));
            let none = || once().on_breach(|_| None);
            app.service(ruled("/a", own, "a")).service(ruled("/b", none(), "b")).service(ruled(
                "/c",
                none(),
                "c",
            ));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "409 [L=1 R=0 X=T+60 A=60] 'its own'"),
            (0.0, "GET /b", "", "200"),
            (0.0, "GET /b", "", "200 [L=1 R=0 X=T+60 A=60] 'the limiter's'"),
            (0.0, "GET /c", "", "200"),
            (0.0, "GET /c", "", "429 [L=1 R=0 X=T+60 A=60] '1 per 1 minute'"),
        ],
    );
}

#[test]
fn what_on_breach_is_told() {
    hold(
        |it| {
            it.on_breach(|breach| {
                let (name, key, route) = (breach.name(), breach.key(), breach.route());
                let (limit, left) = (breach.window().limit(), breach.window().remaining());
                Some(
                    HttpResponse::Ok()
                        .body(format!("{name:?} {key:?} {route:?} {limit} {left} {}", breach.is_meta())),
                )
            })
        },
        |app| {
            let limit = Limit::new(Quota::per_minute(3)).name("items").key(user).cost(2);
            app.service(ruled("/items/{id}", limit, "item"));
        },
        &[
            (0.0, "GET /items/1", "user: u", "200 'item'"),
            (0.0, "GET /items/2", "user: u", "200 'Some(\"items\") user Some(\"/items/{id}\") 3 1 false'"),
        ],
    );
}

// Strategies.

#[test]
fn a_strategy_for_each_limit() {
    hold(
        |it| it.strategy(Strategy::MovingWindow).headers(true),
        |app| {
            let fixed = Limit::new(Quota::per_minute(2)).strategy(Strategy::FixedWindow);
            app.service(ruled("/fixed", fixed, "")).service(ruled("/moving", limits("2/minute"), ""));
        },
        &[
            (0.0, "GET /fixed", "", "200 [L=2 R=1 X=T+60]"),
            (0.0, "GET /moving", "", "200 [L=2 R=1 X=T+60]"),
            (40.0, "GET /fixed", "", "200 [L=2 R=0 X=T+60]"),
            (40.0, "GET /moving", "", "200 [L=2 R=0 X=T+60]"),
            // Both are free again, or one.
            (60.0, "GET /fixed", "", "200 [L=2 R=1 X=T+120]"),
            (60.0, "GET /moving", "", "200 [L=2 R=0 X=T+100]"),
        ],
    );
}

#[test]
fn a_burst() {
    hold(
        |it| it.headers(true),
        |app| {
            #[limited("1/second", strategy = "token-bucket", burst = 3)]
            #[get("/a")]
            async fn a() -> &'static str {
                "a"
            }
            app.service(a);
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=2 X=T+1]"),
            (0.0, "GET /a", "", "200 [L=1 R=1 X=T+2]"),
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+3]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+3 A=1]"),
            (1.0, "GET /a", "", "200 [L=1 R=0 X=T+4]"),
            (1.5, "GET /a", "", "429 [L=1 R=0 X=T+4 A=1]"),
        ],
    );
}

// What is only watched.

#[test]
fn a_shadow_limit_is_taken_from_when_the_request_is_admitted() {
    hold(
        |it| it.headers(true),
        |app| {
            let shadow = Limit::new(Quota::per_hour(3)).shadow(true).shared("watched");
            let look = Limit::new(Quota::per_hour(3)).shared("watched").cost(0);
            app.service(ruled("/a", Limits::from([shadow, once()]), "a")).service(ruled("/look", look, ""));
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]"),
            (0.0, "GET /look", "", "200 [L=3 R=2 X=T+3600]"),
            (60.0, "GET /a", "", "200"),
            (120.0, "GET /a", "", "200"),
            (120.0, "GET /look", "", "200 [L=3 R=0 X=T+3600]"),
            // Spent, and still admitted.
            (180.0, "GET /a", "", "200 [L=1 R=0 X=T+240]"),
        ],
    );
}

// Headers.

#[test]
fn headers_tell_of_the_shortest_window_of_the_innermost_level() {
    hold(
        |it| it.headers(true).application_limits("1000/second").default_limits("500/second"),
        |app| {
            let adding = limits("7/hour; 5/minute").each(|limit| limit.override_defaults(false));
            app.service(ruled("/a", adding, "a")).service(page("/b", "b"));
        },
        &[(0.0, "GET /a", "", "200 [L=5 R=4 X=T+60]"), (0.0, "GET /b", "", "200 [L=500 R=499 X=T+1]")],
    );
}

#[test]
fn no_headers_unless_enabled() {
    hold(
        |it| it.default_limits("1/minute"),
        |app| {
            app.service(page("/a", "a"));
        },
        &[(0.0, "GET /a", "", "200 []"), (0.0, "GET /a", "", "429 [A=60]")],
    );
}
