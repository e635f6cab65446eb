//! Limits where they are declared, and the headers of them.

use actix_web::{get, head, route, web};
use limiter_actix::{Exempt, Limit, Limits, Quota, Rule, ScopeExt, exempt, limit};
use limiter_test_support::play::{header, limits, page, ruled};

use crate::entry::{Entry, hold};

#[test]
fn entries_hold() {
    hold(&entries());
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        Entry::agrees(
            "B01",
            |it| it.default_limits("2/minute"),
            |app| {
                app.service(page("/a", "a")).service(page("/b", "b"));
            },
            &[
                (0.0, "GET /a", "", "200"),
                (0.0, "GET /a", "", "200"),
                (0.0, "GET /a", "", "429"),
                (0.0, "GET /b", "", "200"),
                (0.0, "GET /a", "k: c2", "200"),
            ],
        ),
        Entry::agrees(
            "B02",
            |it| it.default_limits("1/minute"),
            |app| {
                #[limit("3/minute")]
                #[get("/x")]
                async fn x() -> &'static str {
                    "x"
                }
                app.service(x);
            },
            &[
                (0.0, "GET /x", "", "200"),
                (0.0, "GET /x", "", "200"),
                (0.0, "GET /x", "", "200"),
                (0.0, "GET /x", "", "429"),
            ],
        ),
        Entry::agrees(
            "B04",
            |it| it.application_limits("2/minute"),
            |app| {
                app.service(page("/a", "a")).service(page("/b", "b"));
            },
            &[
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /b", "", "200 'b'"),
                (0.0, "GET /a", "", "429 '2 per 1 minute'"),
                (0.0, "GET /b", "k: c2", "200 'b'"),
            ],
        ),
        Entry::differs(
            "B15",
            "headers fall to the application limit when nothing else decided",
            |it| it.headers(true).application_limits("60/minute").default_limits("10/minute"),
            |app| {
                let off = limits("7/hour").each(|limit| limit.exempt_when(|_| true));
                app.service(page("/d", "d"))
                    .service(ruled("/e", limits("7/hour"), "e"))
                    .service(ruled("/ex", off, "ex"))
                    .service(ruled("/exempt", Exempt::ALL, "exempt"))
                    .service(ruled("/exd", Exempt::DEFAULT, "exd"))
                    .service(ruled("/exa", Exempt::APPLICATION, "exa"));
            },
            &[
                (0.0, "GET /d", "", "200 [L=10 R=9 X=T+60]"),
                (0.0, "GET /e", "", "200 [L=7 R=6 X=T+3600]"),
                (0.0, "GET /ex", "", "200 [L=60 R=57 X=T+60]"),
                (0.0, "GET /exempt", "", "200 []"),
                (0.0, "GET /exd", "", "200 [L=60 R=56 X=T+60]"),
                (0.0, "GET /exa", "", "200 [L=10 R=9 X=T+60]"),
            ],
        ),
        Entry::differs(
            "B16",
            "unmatched paths count; a method that no handler takes counts for its pattern",
            |it| {
                it.headers(true)
                    .application_limits("3/minute")
                    .default_limits("1/minute")
                    .exempt_scope("/static")
            },
            |app| {
                let d = web::resource("/d")
                    .route(web::get().to(async || "d"))
                    .route(web::post().to(async || "d"));
                app.service(d).service(page("/static/image.png", "image"));
            },
            &[
                (0.0, "GET /nope", "", "404 [L=1 R=0 X=T+60]"),
                (0.0, "GET /nope", "", "429 [L=1 R=0 X=T+60 A=60]"),
                // All unmatched paths count as one.
                (0.0, "GET /neither", "", "429 [L=1 R=0 X=T+60 A=60]"),
                (0.0, "PUT /d", "", "405 [L=1 R=0 X=T+60]"),
                (0.0, "PUT /d", "", "429 [L=1 R=0 X=T+60 A=60]"),
                (0.0, "GET /d", "", "429 [L=1 R=0 X=T+60 A=60]"),
                // Static files are exempt because the limiter says so.
                (0.0, "GET /static/image.png", "", "200 []"),
                (0.0, "GET /static/image.png", "", "200 []"),
                (60.0, "GET /d", "", "200 [L=1 R=0 X=T+120]"),
                (60.0, "GET /d", "", "429 [L=1 R=0 X=T+120 A=60]"),
            ],
        ),
        Entry::differs(
            "B17",
            "actix has no automatic OPTIONS or HEAD; preflights are left to application limits",
            |it| it.headers(true).default_limits("2/minute"),
            |app| {
                #[head("/d")]
                async fn head_of_d() -> &'static str {
                    ""
                }
                #[route("/d", method = "GET", method = "POST", method = "OPTIONS")]
                async fn d() -> &'static str {
                    "d"
                }
                #[limit("2/minute")]
                #[route("/e", method = "GET", method = "POST")]
                async fn e() -> &'static str {
                    "d"
                }
                app.service(head_of_d).service(d).service(e);
            },
            &[
                (0.0, "OPTIONS /d", "", "200 [L=2 R=1 X=T+60]"),
                (0.0, "HEAD /d", "", "200 [L=2 R=0 X=T+60]"),
                (0.0, "GET /d", "", "429 [L=2 R=0 X=T+60 A=60]"),
                (0.0, "OPTIONS /d", "", "429 [L=2 R=0 X=T+60 A=60]"),
                (
                    0.0,
                    "OPTIONS /d",
                    "origin: https://a.example, access-control-request-method: GET",
                    "200 []",
                ),
                // No handler takes OPTIONS here: the default limits of the pattern hold, not the handler's.
                (0.0, "OPTIONS /e", "", "404 [L=2 R=1 X=T+60]"),
                (0.0, "OPTIONS /e", "", "404 [L=2 R=0 X=T+60]"),
                (0.0, "OPTIONS /e", "", "429 [L=2 R=0 X=T+60 A=60]"),
                (0.0, "GET /e", "", "200 [L=2 R=1 X=T+60]"),
            ],
        ),
        Entry::differs(
            "X01",
            "own limits of an exempt route hold",
            |it| it.default_limits("5/minute").application_limits("100/minute"),
            |app| {
                #[exempt(application)]
                #[limit("1/minute")]
                #[get("/a")]
                async fn a() -> &'static str {
                    "a"
                }
                #[limit("1/minute")]
                #[exempt(application)]
                #[get("/b")]
                async fn b() -> &'static str {
                    "b"
                }
                #[limit("1/minute")]
                #[exempt]
                #[get("/c")]
                async fn c() -> &'static str {
                    "c"
                }
                app.service(a).service(b).service(c);
            },
            &[
                (0.0, "GET /a", "", "200"),
                (0.0, "GET /a", "", "429"),
                (0.0, "GET /a", "", "429"),
                (0.0, "GET /b", "", "200"),
                (0.0, "GET /b", "", "429"),
                (0.0, "GET /b", "", "429"),
                (0.0, "GET /c", "", "200"),
                (0.0, "GET /c", "", "429"),
                (0.0, "GET /c", "", "429"),
            ],
        ),
        Entry::differs(
            "K01",
            "no shared count by accident",
            |it| it.default_limits("2/minute").headers(true),
            |app| {
                #[limit("2/minute", override_defaults = false)]
                #[get("/a")]
                async fn a() -> &'static str {
                    "a"
                }
                app.service(a);
            },
            &[
                (0.0, "GET /a", "", "200 [L=2 R=1 X=T+60] 'a'"),
                (0.0, "GET /a", "", "200 [L=2 R=0 X=T+60] 'a'"),
                (0.0, "GET /a", "", "429 [L=2 R=0 X=T+60 A=60] '2 per 1 minute'"),
            ],
        ),
        Entry::differs(
            "K02",
            "no shared count by accident",
            |it| it.application_limits("2/minute").default_limits("2/minute").headers(true),
            |app| {
                app.service(page("/application", "a")).service(page("/o", "o"));
            },
            &[
                (0.0, "GET /application", "", "200 [L=2 R=1 X=T+60] 'a'"),
                (0.0, "GET /o", "", "200 [L=2 R=1 X=T+60] 'o'"),
                (0.0, "GET /o", "", "429 [L=2 R=0 X=T+60 A=60] '2 per 1 minute'"),
            ],
        ),
        Entry::differs(
            "Q09",
            "a limit applies only where it is declared",
            |it| it,
            |app| {
                let one = web::scope("/x").service(page("/", "v")).limit(Quota::per_minute(1));
                let other = web::scope("/x").service(page("/", "v"));
                app.service(web::scope("/p1").service(one)).service(web::scope("/p2").service(other));
            },
            &[
                (0.0, "GET /p1/x/", "", "200"),
                (0.0, "GET /p1/x/", "", "429"),
                (0.0, "GET /p2/x/", "", "200"),
                (0.0, "GET /p2/x/", "", "200"),
            ],
        ),
        Entry::agrees(
            "Q11",
            |it| it.default_limits("9/minute").application_limits("9/minute"),
            |app| {
                #[limit("1/minute")]
                #[get("/a")]
                async fn a() -> &'static str {
                    "a"
                }
                app.service(web::scope("").service(a).exempt(Exempt::ALL));
            },
            &[(0.0, "GET /a", "", "200 'a'"), (0.0, "GET /a", "", "429 '1 per 1 minute'")],
        ),
        Entry::agrees(
            "Q13",
            |it| {
                let filtered = it.default_limits("1/minute").request_filter(|req| header(req, "x").is_some());
                filtered.request_filter(|_| false)
            },
            |app| {
                app.service(ruled("/a", limits("1/minute"), "a"));
            },
            &[(0.0, "GET /a", "x: 1", "200"), (0.0, "GET /a", "", "200")],
        ),
        Entry::agrees(
            "Z03",
            |it| it.key_prefix("p").application_limits("5/minute").default_limits("5/minute"),
            |app| {
                app.service(page("/a", "a"));
            },
            &[(0.0, "GET /a", "", "200")],
        ),
        Entry::agrees(
            "Z04",
            |it| it,
            |app| {
                let limit = Limit::new(Quota::per_minute(1)).shared("s").per_method(true);
                app.service(web::scope("/bp").service(ruled("/a", Rule::from(Limits::from(limit)), "a")));
            },
            &[(0.0, "GET /bp/a", "", "200")],
        ),
    ]
}
