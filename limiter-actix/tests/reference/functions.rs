//! Functions of the request: limits, keys, messages, answers.

use actix_web::{HttpResponse, Responder, dev::ServiceRequest, get, http::StatusCode};
use limiter_actix::{Limit, limit};
use limiter_test_support::play::{header, page, ruled};

use crate::entry::{Entry, hold};

#[test]
fn entries_hold() {
    hold(&entries());
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        Entry::differs(
            "B20",
            "an empty key falls back to the client's address",
            |it| it.default_limits("1/minute").key(|_| ""),
            |app| {
                app.service(page("/d", "d"));
            },
            &[(0.0, "GET /d", "", "200"), (0.0, "GET /d", "", "429"), (0.0, "GET /d", "", "429")],
        ),
        Entry::agrees(
            "B27",
            |it| it.headers(true).on_breach(|_, _| Some(answer(418, "G"))),
            |app| {
                #[limit("1/minute", on_breach = |_, _| Some(answer(200, "R")))]
                #[get("/a")]
                async fn a() -> impl Responder {
                    "a"
                }
                #[limit("1/minute")]
                #[get("/b")]
                async fn b() -> impl Responder {
                    "a"
                }
                #[limit("1/minute", on_breach = |_, _| None)]
                #[get("/c")]
                async fn c() -> impl Responder {
                    "a"
                }
                app.service(a).service(b).service(c);
            },
            &[
                (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60] 'a'"),
                (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60 A=60] 'R'"),
                (0.0, "GET /b", "", "200 [L=1 R=0 X=T+60] 'a'"),
                (0.0, "GET /b", "", "418 [L=1 R=0 X=T+60 A=60] 'G'"),
                (0.0, "GET /c", "", "200 [L=1 R=0 X=T+60] 'a'"),
                (0.0, "GET /c", "", "418 [L=1 R=0 X=T+60 A=60] 'G'"),
            ],
        ),
        Entry::agrees(
            "B29",
            |it| it,
            |app| {
                #[limit("1/minute", error_message = "chill")]
                #[get("/a")]
                async fn a() -> impl Responder {
                    "a"
                }
                #[limit("1/2 hours", error_message = |_| "dyn")]
                #[get("/b")]
                async fn b() -> impl Responder {
                    "a"
                }
                #[limit("3 per 5 minutes, 1/day")]
                #[get("/c")]
                async fn c() -> impl Responder {
                    "a"
                }
                app.service(a).service(b).service(c);
            },
            &[
                (0.0, "GET /c", "", "200 'a'"),
                (0.0, "GET /c", "", "429 '1 per 1 day'"),
                (0.0, "GET /a", "", "200 'a'"),
                (0.0, "GET /a", "", "429 'chill'"),
                (0.0, "GET /b", "", "200 'a'"),
                (0.0, "GET /b", "", "429 'dyn'"),
                (0.0, "GET /c", "", "429 '1 per 1 day'"),
            ],
        ),
        Entry::differs(
            "D01",
            "sec parses here; none means undeclared",
            |it| it.default_limits("1/minute"),
            |app| {
                fn by_header(req: &ServiceRequest) -> Option<String> {
                    header(req, "lim").map(str::to_owned)
                }
                let nothing: fn(&ServiceRequest) -> Option<&'static str> = |_| None;
                app.service(ruled("/sec", Limit::dynamic(|_| "2 per sec"), "a"))
                    .service(ruled("/bad", Limit::dynamic(|_| "2 per moon"), "a"))
                    .service(ruled("/none", Limit::dynamic(nothing), "a"))
                    .service(ruled("/dyn", Limit::dynamic(by_header), "a"));
            },
            &[
                (0.0, "GET /sec", "", "200 'a'"),
                (0.0, "GET /sec", "", "200 'a'"),
                (0.0, "GET /sec", "", "429 '2 per 1 second'"),
                (0.0, "GET /bad", "", "200 'a'"),
                (0.0, "GET /bad", "", "429 '1 per 1 minute'"),
                (0.0, "GET /none", "", "200 'a'"),
                (0.0, "GET /none", "", "429 '1 per 1 minute'"),
                (0.0, "GET /dyn", "lim: 1/minute", "200 'a'"),
                (0.0, "GET /dyn", "lim: 2/minute", "200 'a'"),
                (0.0, "GET /dyn", "lim: 1/minute", "429 '1 per 1 minute'"),
                (0.0, "GET /dyn", "lim: 2/minute", "200 'a'"),
                (0.0, "GET /dyn", "lim: 2/minute", "429 '2 per 1 minute'"),
            ],
        ),
    ]
}

fn answer(status: u16, body: &'static str) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(status).expect("a status")).body(body)
}
