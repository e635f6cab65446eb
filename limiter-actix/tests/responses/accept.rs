//! The form of a refusal follows `Accept`.

use actix_web::{
    App,
    test::{TestRequest, init_service},
    web,
};
use limiter_test_support::app::{ask, request};

use super::limiter;

const PROBLEM: &str = "application/problem+json";
const HTML: &str = "text/html; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
const IMAGE: &str = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";

/// `Accept`, on one line or more, and the form that comes back.
const TABLE: &[(&[&str], &str)] = &[
    // Programs, and clients without the header.
    (&[], PROBLEM),
    (&["*/*"], PROBLEM),
    (&["application/json"], PROBLEM),
    (&["application/problem+json"], PROBLEM),
    (&["application/json, text/plain, */*"], PROBLEM),
    (&["application/*"], PROBLEM),
    // People.
    (&[BROWSER], HTML),
    (&["text/html"], HTML),
    (&["text/*"], HTML),
    (&["text/html, text/plain"], HTML),
    (&["text/html, */*; q=0.01"], HTML),
    (&["TEXT/HTML"], HTML),
    (&["text/html;charset=utf-8"], HTML),
    (&[IMAGE], PROBLEM),
    // Plain text.
    (&["text/plain"], PLAIN),
    (&["text/plain;q=0.5"], PLAIN),
    (&["text/plain, */*;q=0.1"], PLAIN),
    (&["text/plain;format=flowed"], PLAIN),
    // Weights.
    (&["text/plain;q=0.9, text/html;q=0.8"], PLAIN),
    (&["text/plain;q=0.8, text/html;q=0.9"], HTML),
    (&["application/json;q=0.1, text/plain;q=0.2"], PLAIN),
    (&["text/plain; q=0.500, text/html; q=0.499"], PLAIN),
    (&["text/plain;Q=0.9,text/html;q=0.8"], PLAIN),
    // The more specific range decides how much a form is liked, wherever it stands (RFC 9110, section 12.5.1).
    (&["*/*, application/json;q=0.1"], HTML),
    (&["text/*;q=0.9, text/html;q=0.1, application/json;q=0.5"], PLAIN),
    (&["text/html;q=0, text/*"], PLAIN),
    (&["*/*;q=0.5, text/plain;q=0.6"], PLAIN),
    (&["application/problem+json;q=0.1, application/json, text/plain;q=0.5"], PLAIN),
    // Refused, or nothing that is there: the usual form all the same.
    (&["*/*;q=0"], PROBLEM),
    (&["image/png"], PROBLEM),
    (&["application/json;q=0, image/png"], PROBLEM),
    // Several lines are one list.
    (&["text/plain;q=0.3", "text/html;q=0.4"], HTML),
    (&["image/png", "text/plain"], PLAIN),
    // Invalid parts are passed over.
    (&[""], PROBLEM),
    (&[",,,"], PROBLEM),
    (&["text/html;q=2, text/plain;q=0.1"], PLAIN),
    (&["text/html;q=abc, text/plain;q=0.1"], PLAIN),
    (&["text, text/plain"], PLAIN),
    (&["text/plain garbage; ;;, text/html;q=0.1"], HTML),
];

#[actix_web::test]
async fn the_form_follows_accept() {
    let limiter = limiter().default_limits("0/day").build().expect("a limit");
    let app = init_service(App::new().wrap(limiter).route("/", web::get().to(|| async { "admitted" }))).await;
    let mut wrong = Vec::new();
    for (lines, expected) in TABLE {
        let lines = lines.iter().map(|line| ("accept", *line));
        let answer = ask(&app, lines.clone().fold(request("GET", "/"), TestRequest::append_header)).await;
        assert_eq!(answer.status, 429);
        if answer.header("content-type") != Some(*expected) {
            let lines: Vec<_> = lines.map(|(_, line)| line).collect();
            wrong.push(format!("{lines:?}: {:?}, not {expected}", answer.header("content-type")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A list as long as a server takes costs no more than to read it once.
#[actix_web::test]
async fn a_long_list_is_read() {
    let limiter = limiter().default_limits("0/day").build().expect("a limit");
    let app = init_service(App::new().wrap(limiter).route("/", web::get().to(|| async { "admitted" }))).await;
    let many = format!("{}text/plain", "a/b;q=0.1,".repeat(6000));
    let answer = ask(&app, request("GET", "/").insert_header(("accept", many))).await;
    assert_eq!(answer.header("content-type"), Some(PLAIN));
}
