//! Limits on breaches.

use actix_web::web;
use limiter_actix::{Key, Limit, Quota, ScopeExt};
use limiter_test_support::play::{header, limits, page, ruled};

use crate::entry::{Entry, hold};

#[test]
fn entries_hold() {
    hold(&entries());
}

/// Once a second, and refused for a day after the first breach.
fn once() -> Limit {
    Limit::new(Quota::per_second(1)).meta(Quota::per_day(1))
}

pub(crate) fn entries() -> Vec<Entry> {
    on_all().into_iter().chain(of_limits()).collect()
}

fn on_all() -> [Entry; 3] {
    [
        Entry::differs(
            "M02",
            "filtered requests are off meta limits",
            |it| {
                let limited = it.default_limits("1/minute").meta_limits("1/hour");
                limited.request_filter(|req| header(req, "x") == Some("1"))
            },
            |app| {
                app.service(page("/a", "a"));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 minute'"),
                (0.0, "GET /a", "x: 1", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            ],
        ),
        Entry::agrees(
            "M05",
            |it| it.meta_limits("1/hour").key_prefix("p"),
            |app| {
                app.service(ruled("/a", limits("1/minute"), "a"));
            },
            &[(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429")],
        ),
        Entry::differs(
            "Q07",
            "the meta cost counts",
            |it| it.meta_limits(Limit::new(Quota::per_hour(4)).cost(3)).default_limits("1/minute"),
            |app| {
                app.service(page("/a", "a"));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 minute'"),
                (0.0, "GET /a", "", "429 '4 per 1 hour'"),
                (0.0, "GET /a", "", "429 '4 per 1 hour'"),
            ],
        ),
    ]
}

fn of_limits() -> [Entry; 5] {
    [
        Entry::differs(
            "M06",
            "meta limits on scope limits work",
            |it| it,
            |app| {
                app.service(ruled("/r", once(), "r"));
                app.service(web::scope("").service(page("/a", "a")).service(page("/b", "b")).limit(once()));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 second'"),
                // Breached at /a; the limit of the scope stands on /b as well, with a count of its own.
                (1.0, "GET /a", "", "429 '1 per 1 day'"),
                (1.0, "GET /b", "", "200 'b'"),
                (5.0, "GET /r", "", "200 'r'"),
                (5.0, "GET /r", "", "429 '1 per 1 second'"),
                (6.0, "GET /r", "", "429 '1 per 1 day'"),
                (6.0, "GET /a", "", "429 '1 per 1 day'"),
            ],
        ),
        Entry::differs(
            "Q05-default",
            "works here",
            |it| it.default_limits(once()),
            |app| {
                app.service(page("/a", "a"));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 second'"),
                (1.0, "GET /a", "", "429 '1 per 1 day'"),
            ],
        ),
        Entry::differs(
            "Q05-app",
            "works here",
            |it| it.application_limits(once()),
            |app| {
                app.service(page("/a", "a"));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 second'"),
                (1.0, "GET /a", "", "429 '1 per 1 day'"),
            ],
        ),
        Entry::differs(
            "Q05-default-key",
            "works here",
            |it| it.default_limits(once().key(|req| header(req, "k").map(|k| Key::text("own", k)))),
            |app| {
                app.service(page("/a", "a"));
            },
            &[
                (0.0, "GET /a", "k: c1", "200 'a'"),
                (0.0, "GET /a", "k: c1", "429 '1 per 1 second'"),
                (1.0, "GET /a", "k: c1", "429 '1 per 1 day'"),
                (1.0, "GET /a", "k: c2", "200 'a'"),
            ],
        ),
        Entry::differs(
            "Q05-default-MetaLimit",
            "works here",
            |it| it.default_limits(once()),
            |app| {
                app.service(page("/a", "a"));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 second'"),
                (1.0, "GET /a", "", "429 '1 per 1 day'"),
            ],
        ),
    ]
}
