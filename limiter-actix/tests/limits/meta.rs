//! Limits on breaches.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use actix_web::{HttpResponse, guard, web};
use limiter_actix::{Exempt, Key, Limit, Limits, Quota, Rule, ScopeExt, resource};
use limiter_test_support::{
    play::{header, limits, page, play, ruled},
    storages::wrong_on_all,
};

use crate::probe::hold;

#[test]
fn after_so_many_breaches_everything_is_refused_until_the_window_ends() {
    hold(
        |it| it.default_limits("1/minute").meta_limits("2/hour").headers(true),
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b")).service(ruled(
                "/ping",
                Exempt::ALL,
                "pong",
            ));
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60] '1 per 1 minute'"),
            (1.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=59] '1 per 1 minute'"),
            (2.0, "GET /a", "", "429 [L=2 R=0 X=T+3600 A=3598] '2 per 1 hour'"),
            (2.0, "GET /b", "", "429 [L=2 R=0 X=T+3600 A=3598] '2 per 1 hour'"),
            (2.0, "GET /nowhere", "", "429 '2 per 1 hour'"),
            (2.0, "GET /ping", "", "200 [] 'pong'"),
            (2.0, "GET /b", "k: c2", "200"),
            (3599.0, "GET /b", "", "429 '2 per 1 hour'"),
            (3600.0, "GET /b", "", "200"),
        ],
    );
}

#[test]
fn a_breach_of_two_limits_at_once_counts_once() {
    hold(
        |it| it.meta_limits("2/hour").application_limits("1/second"),
        |app| {
            app.service(ruled("/a", limits("1/minute; 1/day"), "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 day'"),
            (0.0, "GET /a", "", "429 '1 per 1 day'"),
            (0.0, "GET /a", "", "429 '2 per 1 hour'"),
        ],
    );
}

#[test]
fn refusals_by_the_meta_limit_add_nothing() {
    hold(
        |it| it.default_limits("1/second").meta_limits("1/minute; 2/hour"),
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 second'"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (1.0, "GET /a", "", "429 '1 per 1 minute'"),
            (59.0, "GET /a", "", "429 '1 per 1 minute'"),
            (60.0, "GET /a", "", "200"),
            (60.0, "GET /a", "", "429 '1 per 1 second'"),
            // Two breaches in this hour: this limit has the longer wait.
            (60.0, "GET /a", "", "429 '2 per 1 hour'"),
            (3599.0, "GET /a", "", "429 '2 per 1 hour'"),
            (3600.0, "GET /a", "", "200"),
        ],
    );
}

#[test]
fn shadow_breaches_add_nothing() {
    hold(
        |it| it.meta_limits("1/hour"),
        |app| {
            let shadow = Limit::new(Quota::per_minute(1)).shadow(true);
            app.service(ruled("/a", shadow, "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /b", "", "200"),
        ],
    );
}

#[test]
fn a_meta_limit_in_shadow_refuses_nothing() {
    hold(
        |it| it.meta_limits(Limit::new(Quota::per_hour(1)).shadow(true)).default_limits("1/minute"),
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (60.0, "GET /a", "", "200"),
        ],
    );
}

#[test]
fn filtered_requests_are_neither_refused_nor_counted() {
    hold(
        |it| {
            let limited = it.default_limits("1/minute").meta_limits("1/hour");
            limited.request_filter(|req| header(req, "internal").is_some())
        },
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "internal: 1", "200"),
            (0.0, "GET /a", "internal: 1", "200"),
            (0.0, "GET /b", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /b", "", "429 '1 per 1 hour'"),
            (0.0, "GET /b", "internal: 1", "200"),
        ],
    );
}

#[test]
fn own_limits_of_what_is_exempt_add_nothing() {
    hold(
        |it| it.meta_limits("1/hour"),
        |app| {
            let all = Rule::from(limits("1/minute")).exempt(Exempt::ALL);
            let meta = Rule::from(limits("1/minute")).exempt(Exempt::META);
            app.service(ruled("/all", all, "")).service(ruled("/meta", meta, "")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /all", "", "200"),
            (0.0, "GET /all", "", "429 '1 per 1 minute'"),
            (0.0, "GET /all", "", "429 '1 per 1 minute'"),
            (0.0, "GET /meta", "", "200"),
            (0.0, "GET /meta", "", "429 '1 per 1 minute'"),
            (0.0, "GET /meta", "", "429 '1 per 1 minute'"),
            (0.0, "GET /b", "", "200"),
        ],
    );
}

#[test]
fn breaches_of_the_application_and_of_unmatched_paths_count() {
    hold(
        |it| it.meta_limits("2/hour").application_limits("2/minute").default_limits("1/minute"),
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /nowhere", "", "404"),
            (0.0, "GET /neither", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /b", "", "429 '2 per 1 minute'"),
            (0.0, "GET /b", "", "429 '2 per 1 hour'"),
            (60.0, "GET /nowhere", "", "429 '2 per 1 hour'"),
        ],
    );
}

#[test]
fn a_key_of_its_own() {
    hold(
        |it| {
            let by_ip =
                |req: &actix_web::dev::ServiceRequest| header(req, "ip").map(|ip| Key::text("ip", ip));
            it.default_limits("1/minute").meta_limits(Limit::new(Quota::per_hour(2)).key(by_ip))
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "ip: i, k: c1", "200"),
            (0.0, "GET /a", "ip: i, k: c1", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "ip: i, k: c2", "200"),
            (0.0, "GET /a", "ip: i, k: c2", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "ip: i, k: c3", "429 '2 per 1 hour'"),
            (0.0, "GET /a", "ip: j, k: c3", "200"),
        ],
    );
}

#[test]
fn a_cost_by_a_function() {
    hold(
        |it| {
            let cost =
                |req: &actix_web::dev::ServiceRequest| if header(req, "twice").is_some() { 2 } else { 1 };
            it.default_limits("1/hour").meta_limits(Limit::new(Quota::per_day(3)).cost_with(cost))
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "twice: 1", "429 '1 per 1 hour'"),
            // One is left: too little for this one, enough for that one.
            (0.0, "GET /a", "twice: 1", "429 '3 per 1 day'"),
            (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            (0.0, "GET /a", "", "429 '3 per 1 day'"),
        ],
    );
}

#[test]
fn a_limit_that_is_off_for_the_request_is_off_for_breaches() {
    hold(
        |it| {
            let on_a = |req: &actix_web::dev::ServiceRequest| req.path() != "/a";
            it.default_limits("1/minute").meta_limits(Limit::new(Quota::per_hour(1)).exempt_when(on_a))
        },
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b"));
        },
        &[
            (0.0, "GET /b", "", "200"),
            (0.0, "GET /b", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            (60.0, "GET /b", "", "200"),
        ],
    );
}

#[test]
fn its_answer() {
    hold(
        |it| {
            let meta = Limit::new(Quota::per_hour(1)).error_message("banned");
            it.default_limits("1/minute")
                .meta_limits(meta)
                .headers(true)
                .on_breach(|_| Some(HttpResponse::ImATeapot().body("a breach")))
                .on_meta_breach(|breach| {
                    assert!(breach.is_meta());
                    Some(HttpResponse::Forbidden().body(breach.message().to_owned()))
                })
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "418 [L=1 R=0 X=T+60 A=60] 'a breach'"),
            (0.0, "GET /a", "", "403 [L=1 R=0 X=T+3600 A=3600] 'banned'"),
        ],
    );
}

/// Once a second; who breaches that is refused there for a day.
fn once() -> Limit {
    Limit::new(Quota::per_second(1)).meta(Quota::per_day(1))
}

#[test]
fn of_a_limit_hold_where_it_holds() {
    hold(
        |it| it,
        |app| {
            app.service(ruled("/a", once(), "a")).service(page("/b", "b"));
            app.service(web::scope("/p").service(page("/a", "a")).service(page("/b", "b")).limit(once()));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 second'"),
            (1.0, "GET /a", "", "429 '1 per 1 day'"),
            (1.0, "GET /b", "", "200"),
            (1.0, "GET /p/a", "", "200"),
            (1.0, "GET /p/a", "", "429 '1 per 1 second'"),
            (2.0, "GET /p/a", "", "429 '1 per 1 day'"),
            (2.0, "GET /p/b", "", "200"),
            (86400.0, "GET /a", "", "200"),
        ],
    );
}

#[test]
fn of_a_shared_limit_are_shared() {
    hold(
        |it| it,
        |app| {
            app.service(ruled("/a", once().shared("s"), "a")).service(ruled("/b", once().shared("s"), "b"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /b", "", "429 '1 per 1 second'"),
            (1.0, "GET /a", "", "429 '1 per 1 day'"),
            (1.0, "GET /b", "", "429 '1 per 1 day'"),
        ],
    );
}

#[test]
fn of_a_limit_count_its_breaches_only() {
    hold(
        |it| it,
        |app| {
            let often = || Limit::new(Quota::per_minute(2)).meta(Quota::per_day(1)).shared("often");
            app.service(ruled("/both", Limits::from([once(), often()]), "")).service(ruled(
                "/often",
                often(),
                "",
            ));
        },
        &[
            (0.0, "GET /both", "", "200"),
            (0.0, "GET /both", "", "429 '1 per 1 second'"),
            // The other limit was not breached.
            (0.0, "GET /often", "", "200"),
            (0.0, "GET /often", "", "429 '2 per 1 minute'"),
            (60.0, "GET /often", "", "429 '1 per 1 day'"),
        ],
    );
}

#[test]
fn of_a_limit_and_those_of_all_count_the_same_breach() {
    hold(
        |it| it.meta_limits("2/hour"),
        |app| {
            app.service(ruled("/a", once(), "a")).service(ruled("/b", limits("1/hour"), "b"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 second'"),
            (1.0, "GET /a", "", "429 '1 per 1 day'"),
            (1.0, "GET /b", "", "200"),
            (1.0, "GET /b", "", "429 '1 per 1 hour'"),
            (1.0, "GET /b", "k: c2", "200"),
            (1.0, "GET /b", "", "429 '2 per 1 hour'"),
        ],
    );
}

#[test]
fn of_a_limit_in_shadow_add_nothing() {
    hold(
        |it| it,
        |app| {
            let watched = Limit::new(Quota::per_minute(1)).meta(Quota::per_day(1)).shadow(true);
            app.service(ruled("/a", Limits::from([watched, Limit::new(Quota::per_hour(2))]), "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "200"),
            // The one in shadow is breached as well.
            (0.0, "GET /a", "", "429 '2 per 1 hour'"),
            (0.0, "GET /a", "", "429 '2 per 1 hour'"),
            (3600.0, "GET /a", "", "200"),
        ],
    );
}

/// A request that meets other limits than its path let expect asks the functions of meta limits no second time.
#[test]
fn functions_are_asked_once_for_a_request() {
    let wrong = wrong_on_all(|kept| {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let meta = Limit::new(Quota::per_hour(9)).key(move |_| {
            counter.fetch_add(1, Relaxed);
            Key::text("k", "all")
        });
        let mut wrong = play(
            |it| kept.set(it).default_limits("9/hour").meta_limits(meta),
            |app| {
                let other = guard::fn_guard(|it| it.head().headers().contains_key("x-other"));
                app.route("/{name}", web::get().guard(other).to(async || "other")).service(resource(
                    "/hidden",
                    Limit::new(Quota::per_hour(5)),
                    |it| it.to(async || "hidden"),
                ));
            },
            &[(0.0, "GET /hidden", "", "200 'hidden'")],
        );
        let asked = asked.load(Relaxed);
        if asked != 1 {
            wrong.push(format!("asked {asked} times"));
        }
        wrong
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
