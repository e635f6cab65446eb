//! Meta limits of one limit.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use actix_web::{guard, web};
use limiter_actix::{Key, Limit, Limits, Quota, ScopeExt, resource};
use limiter_test_support::{
    play::{limits, page, play, ruled},
    storages::errors_on_all,
};

use crate::probe::hold;

/// Once a second; who breaches that is refused there for a day.
fn once() -> Limit {
    Limit::new(Quota::per_second(1)).meta(Quota::per_day(1))
}

#[test]
fn meta_limits_of_a_limit_hold_where_it_holds() {
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
fn those_of_a_shared_limit_are_shared() {
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
fn meta_limits_of_a_limit_count_its_breaches_only() {
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
fn a_breach_counts_for_them_and_for_the_limiters() {
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
fn those_of_a_limit_in_shadow_add_nothing() {
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
fn callbacks_run_once_for_a_request() {
    let wrong = errors_on_all(|kind| {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let meta = Limit::new(Quota::per_hour(9)).key(move |_| {
            counter.fetch_add(1, Relaxed);
            Key::text("k", "all")
        });
        let mut wrong = play(
            |it| kind.set(it).default_limits("9/hour").meta_limits(meta),
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
