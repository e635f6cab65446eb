//! Several limits on one request.

use limiter_actix::{Limit, Limits, Quota};
use limiter_test_support::play::{limits, page, ruled};

use crate::entry::{Entry, hold};

#[test]
fn entries_hold() {
    hold(&entries());
}

/// As two attributes on one handler.
fn both(one: &str, other: &str) -> Limits {
    let quota = |text: &str| Limit::new(text.parse::<Quota>().expect("a limit"));
    [quota(one), quota(other)].into()
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        Entry::agrees(
            "B06",
            |it| it.application_limits("1/minute").headers(true),
            |app| {
                app.service(ruled("/e", limits("2/hour"), "e"));
            },
            &[
                (0.0, "GET /e", "", "200 [L=2 R=1 X=T+3600] 'e'"),
                (1.0, "GET /e", "", "429 [L=1 R=0 X=T+60 A=59] '1 per 1 minute'"),
                (60.0, "GET /e", "", "200 [L=2 R=0 X=T+3600] 'e'"),
                (120.0, "GET /e", "", "429 [L=2 R=0 X=T+3600 A=3480] '2 per 1 hour'"),
            ],
        ),
        Entry::agrees(
            "B07",
            |it| it.headers(true),
            |app| {
                app.service(ruled("/e", both("2/minute", "1/second"), "e"));
            },
            &[
                (0.0, "GET /e", "", "200 [L=1 R=0 X=T+1] 'e'"),
                (0.0, "GET /e", "", "429 [L=1 R=0 X=T+1 A=1] '1 per 1 second'"),
                (1.0, "GET /e", "", "200 [L=1 R=0 X=T+2] 'e'"),
                (2.0, "GET /e", "", "429 [L=2 R=0 X=T+60 A=58] '2 per 1 minute'"),
            ],
        ),
        Entry::differs(
            "B08",
            "all limits are decided together, the longest wait is named",
            |it| it.headers(true),
            |app| {
                app.service(ruled("/e", both("2/minute", "1/second"), "e"));
            },
            &[
                (0.0, "GET /e", "", "200 [L=1 R=0 X=T+1] 'e'"),
                (0.0, "GET /e", "", "429 [L=1 R=0 X=T+1 A=1] '1 per 1 second'"),
                (0.0, "GET /e", "", "429 [L=1 R=0 X=T+1 A=1] '1 per 1 second'"),
                (1.0, "GET /e", "", "200 [L=1 R=0 X=T+2] 'e'"),
                (1.0, "GET /e", "", "429 [L=2 R=0 X=T+60 A=59] '2 per 1 minute'"),
            ],
        ),
        Entry::differs(
            "B09",
            "windows compare by their length, the longest wait is named",
            |it| it.headers(true),
            |app| {
                app.service(ruled("/e", both("5/minute", "10/90 seconds"), "e"));
            },
            &[
                (0.0, "GET /e", "", "200 [L=5 R=4 X=T+60]"),
                (0.0, "GET /e", "", "200 [L=5 R=3 X=T+60]"),
                (0.0, "GET /e", "", "200 [L=5 R=2 X=T+60]"),
                (0.0, "GET /e", "", "200 [L=5 R=1 X=T+60]"),
                (0.0, "GET /e", "", "200 [L=5 R=0 X=T+60]"),
                (60.0, "GET /e", "", "200 [L=5 R=4 X=T+120]"),
                (60.0, "GET /e", "", "200 [L=5 R=3 X=T+120]"),
                (60.0, "GET /e", "", "200 [L=5 R=2 X=T+120]"),
                (60.0, "GET /e", "", "200 [L=5 R=1 X=T+120]"),
                (60.0, "GET /e", "", "200 [L=5 R=0 X=T+120]"),
                // Both refuse: for 60 and for 30 seconds.
                (60.0, "GET /e", "", "429 [L=5 R=0 X=T+120 A=60] '5 per 1 minute'"),
            ],
        ),
        Entry::differs(
            "B22",
            "equal limits in one string do not share a count",
            |it| it.headers(true),
            |app| {
                app.service(ruled("/a", limits("2/minute;2/minute"), "a")).service(ruled(
                    "/b",
                    both("2/minute", "2/minute"),
                    "b",
                ));
            },
            &[
                (0.0, "GET /a", "", "200 [L=2 R=1 X=T+60]"),
                (0.0, "GET /a", "", "200 [L=2 R=0 X=T+60]"),
                (0.0, "GET /a", "", "429 [L=2 R=0 X=T+60 A=60]"),
                (0.0, "GET /b", "", "200 [L=2 R=1 X=T+60]"),
                (0.0, "GET /b", "", "200 [L=2 R=0 X=T+60]"),
                (0.0, "GET /b", "", "429 [L=2 R=0 X=T+60 A=60]"),
            ],
        ),
        Entry::agrees(
            "Q01",
            |it| it.application_limits("3/minute").default_limits("1/second"),
            |app| {
                app.service(page("/a", "a"));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 second'"),
                (0.0, "GET /a", "", "429 '1 per 1 second'"),
                (0.0, "GET /a", "", "429 '1 per 1 second'"),
            ],
        ),
        Entry::agrees(
            "O06",
            |it| it.headers(true),
            |app| {
                let limit = Limit::new(Quota::per_hour(3)).deduct_when(|answer| answer.status == 429);
                app.service(ruled("/a", Limits::from([Limit::new(Quota::per_second(1)), limit]), "a"));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 second'"),
                (0.0, "GET /a", "", "429 '1 per 1 second'"),
                (1.0, "GET /a", "", "200 'a'"),
            ],
        ),
        Entry::agrees(
            "O07",
            |it| it.headers(true),
            |app| {
                let limit = Limit::new(Quota::per_second(3)).deduct_when(|answer| answer.status == 429);
                app.service(ruled("/a", Limits::from([Limit::new(Quota::per_hour(1)), limit]), "a"));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 '1 per 1 hour'"),
                (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            ],
        ),
    ]
}
