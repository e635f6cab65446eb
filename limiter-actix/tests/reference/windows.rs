//! Strategies and costs: when a window ends, and what is left of it.

use actix_web::{HttpRequest, HttpResponse, dev::ResponseHead};
use limiter_actix::{Limit, Quota, Strategy, resource};
use limiter_test_support::play::{header, limits, page, ruled};

use crate::entry::{Entry, hold};

#[test]
fn entries_hold() {
    hold(&entries());
}

/// 10 per minute; the cost is the header `cost`, or 1 when that is no number without a sign.
fn ten() -> Limit {
    Limit::new(Quota::per_minute(10))
        .cost_with(|req| header(req, "cost").and_then(|cost| cost.parse().ok()).unwrap_or(1))
}

async fn passing_on_d(req: HttpRequest) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    if let Some(d) = req.headers().get("d") {
        answer.insert_header(("d", d.clone()));
    }
    answer.finish()
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        Entry::agrees(
            "B10",
            |it| it.headers(true).default_limits("1/minute"),
            |app| {
                app.service(page("/e", "e"));
            },
            &[
                (0.0, "GET /e", "", "200 [L=1 R=0 X=T+60] 'e'"),
                (0.5, "GET /e", "", "429 [L=1 R=0 X=T+60 A=60] '1 per 1 minute'"),
                (59.5, "GET /e", "", "429 [L=1 R=0 X=T+60 A=1] '1 per 1 minute'"),
                (60.0, "GET /e", "", "200 [L=1 R=0 X=T+120] 'e'"),
            ],
        ),
        Entry::differs(
            "B23-fixed-window",
            "a refused hit consumes nothing",
            |it| it.headers(true),
            |app| {
                app.service(ruled("/a", ten(), "a"));
            },
            &[
                (0.0, "GET /a", "cost: 4", "200 [L=10 R=6 X=T+60]"),
                (0.0, "GET /a", "cost: 4", "200 [L=10 R=2 X=T+60]"),
                (0.0, "GET /a", "cost: 4", "429 [L=10 R=2 X=T+60 A=60]"),
                (0.0, "GET /a", "cost: 1", "200 [L=10 R=1 X=T+60]"),
                (0.0, "GET /a", "cost: 1", "200 [L=10 R=0 X=T+60]"),
                (0.0, "GET /a", "cost: 1", "429 [L=10 R=0 X=T+60 A=60]"),
            ],
        ),
        Entry::differs(
            "B24-fixed-window",
            "a refused hit consumes nothing; cost is unsigned",
            |it| it.headers(true),
            |app| {
                app.service(ruled("/a", ten(), "a"));
            },
            &[
                // No wait helps, and the window is untouched.
                (600.0, "GET /a", "cost: 11", "429 [L=10 R=10 X=T+600]"),
                (600.0, "GET /a", "cost: 1", "200 [L=10 R=9 X=T+660]"),
                (600.0, "GET /a", "cost: 0", "200 [L=10 R=9 X=T+660]"),
                (600.0, "GET /a", "cost: -3", "200 [L=10 R=8 X=T+660]"),
                (600.0, "GET /a", "cost: 1", "200 [L=10 R=7 X=T+660]"),
            ],
        ),
        Entry::agrees(
            "B23-moving-window",
            |it| it.headers(true).strategy(Strategy::MovingWindow),
            |app| {
                app.service(ruled("/a", ten(), "a"));
            },
            &[
                (0.0, "GET /a", "cost: 4", "200 [L=10 R=6 X=T+60]"),
                (0.0, "GET /a", "cost: 4", "200 [L=10 R=2 X=T+60]"),
                (0.0, "GET /a", "cost: 4", "429 [L=10 R=2 X=T+60 A=60]"),
                (0.0, "GET /a", "cost: 1", "200 [L=10 R=1 X=T+60]"),
                (0.0, "GET /a", "cost: 1", "200 [L=10 R=0 X=T+60]"),
                (0.0, "GET /a", "cost: 1", "429 [L=10 R=0 X=T+60 A=60]"),
            ],
        ),
        Entry::differs(
            "B24-moving-window",
            "cost is unsigned; no negative waits",
            |it| it.headers(true).strategy(Strategy::MovingWindow),
            |app| {
                app.service(ruled("/a", ten(), "a"));
            },
            &[
                (600.0, "GET /a", "cost: 11", "429 [L=10 R=10 X=T+600]"),
                (600.0, "GET /a", "cost: 1", "200 [L=10 R=9 X=T+660]"),
                (600.0, "GET /a", "cost: 0", "200 [L=10 R=9 X=T+660]"),
                (600.0, "GET /a", "cost: -3", "200 [L=10 R=8 X=T+660]"),
                (600.0, "GET /a", "cost: 1", "200 [L=10 R=7 X=T+660]"),
            ],
        ),
        // X and A follow the contract: a unit is freed only just after the window has become the previous one
        // at 60 s, and 8 x share left + 4 <= 10 first holds just after 67.5 s.
        Entry::agrees(
            "B23-sliding-window-counter",
            |it| it.headers(true).strategy(Strategy::SlidingWindowCounter),
            |app| {
                app.service(ruled("/a", ten(), "a"));
            },
            &[
                (0.0, "GET /a", "cost: 4", "200 [L=10 R=6 X=T+61]"),
                (0.0, "GET /a", "cost: 4", "200 [L=10 R=2 X=T+61]"),
                (0.0, "GET /a", "cost: 4", "429 [L=10 R=2 X=T+61 A=68]"),
                (0.0, "GET /a", "cost: 1", "200 [L=10 R=1 X=T+61]"),
                (0.0, "GET /a", "cost: 1", "200 [L=10 R=0 X=T+61]"),
                (0.0, "GET /a", "cost: 1", "429 [L=10 R=0 X=T+61 A=61]"),
            ],
        ),
        Entry::differs(
            "B24-sliding-window-counter",
            "cost is unsigned",
            |it| it.headers(true).strategy(Strategy::SlidingWindowCounter),
            |app| {
                app.service(ruled("/a", ten(), "a"));
            },
            &[
                (600.0, "GET /a", "cost: 11", "429 [L=10 R=10 X=T+600]"),
                (600.0, "GET /a", "cost: 1", "200 [L=10 R=9 X=T+661]"),
                (600.0, "GET /a", "cost: 0", "200 [L=10 R=9 X=T+661]"),
                (600.0, "GET /a", "cost: -3", "200 [L=10 R=8 X=T+661]"),
                (600.0, "GET /a", "cost: 1", "200 [L=10 R=7 X=T+661]"),
            ],
        ),
        Entry::agrees(
            "W01",
            |it| it.strategy(Strategy::FixedWindow),
            |app| {
                app.service(ruled("/a", limits("2/minute"), "a"));
            },
            &[
                (45.0, "GET /a", "", "200"),
                (59.0, "GET /a", "", "200"),
                (61.0, "GET /a", "", "429"),
                (104.999, "GET /a", "", "429"),
                (105.0, "GET /a", "", "200"),
            ],
        ),
        Entry::differs(
            "W02",
            "half-open window",
            |it| it.strategy(Strategy::MovingWindow).headers(true),
            |app| {
                app.service(ruled("/a", limits("2/minute"), "a"));
            },
            &[
                (0.0, "GET /a", "", "200 [L=2 R=1 X=T+60]"),
                (30.0, "GET /a", "", "200 [L=2 R=0 X=T+60]"),
                (59.0, "GET /a", "", "429 [L=2 R=0 X=T+60 A=1]"),
                // The hit at 0 s has left the window at exactly 60 s.
                (60.0, "GET /a", "", "200 [L=2 R=0 X=T+90]"),
                (60.001, "GET /a", "", "429 [L=2 R=0 X=T+90 A=30]"),
                (89.0, "GET /a", "", "429 [L=2 R=0 X=T+90 A=1]"),
                (90.001, "GET /a", "", "200 [L=2 R=0 X=T+120]"),
            ],
        ),
        // The handler passes the header `d` on, as the functions here are asked about responses.
        Entry::differs(
            "W04",
            "no negative waits",
            |it| it.strategy(Strategy::MovingWindow).headers(true),
            |app| {
                let due = |answer: &ResponseHead| answer.headers().contains_key("d");
                let limit = Limit::new(Quota::per_minute(2)).deduct_when(due);
                app.service(resource("/a", limit, |it| it.to(passing_on_d)));
            },
            &[
                (0.0, "GET /a", "", "200 [L=2 R=2 X=T+0]"),
                (1.0, "GET /a", "d: 1", "200 [L=2 R=1 X=T+61]"),
                (2.0, "GET /a", "", "200 [L=2 R=1 X=T+61]"),
                (120.0, "GET /a", "", "200 [L=2 R=2 X=T+120]"),
                (121.0, "GET /a", "d: 1", "200 [L=2 R=1 X=T+181]"),
            ],
        ),
        Entry::agrees(
            "Q14-fixed-window",
            |it| it.strategy(Strategy::FixedWindow).headers(true),
            |app| {
                app.service(ruled("/a", limits("3/minute"), "a"));
            },
            &[
                (10.25, "GET /a", "", "200 [L=3 R=2 X=T+71]"),
                (20.25, "GET /a", "", "200 [L=3 R=1 X=T+71]"),
                (30.25, "GET /a", "", "200 [L=3 R=0 X=T+71]"),
                (40.25, "GET /a", "", "429 [L=3 R=0 X=T+71 A=30]"),
                (69.9, "GET /a", "", "429 [L=3 R=0 X=T+71 A=1]"),
                (70.2, "GET /a", "", "429 [L=3 R=0 X=T+71 A=1]"),
                (70.3, "GET /a", "", "200 [L=3 R=2 X=T+131]"),
                (80.3, "GET /a", "", "200 [L=3 R=1 X=T+131]"),
                (100.25, "GET /a", "", "200 [L=3 R=0 X=T+131]"),
            ],
        ),
    ]
}
