//! Ways around the protection, over raw HTTP.

use std::net::SocketAddr;

use actix_web::{App, HttpServer, web};
use limiter_actix::{Inspector, InspectorTokens, Limiter};
use limiter_test_support::{
    client::{Answer, Client},
    log,
    server::{Server, serve},
};

use crate::{app, build, inspector, search};

const VIEW: &str = "view-0123456789abcdef";
const CHANGE: &str = "change-0123456789abcdef";

fn start(limiter: &Limiter) -> Server {
    let limiter = limiter.clone();
    serve(move |listener| Ok(HttpServer::new(move || app(&limiter)).workers(1).listen(listener)?.run()))
}

fn start_with_tokens(limiter: &Limiter) -> Server {
    let limiter = limiter.clone();
    let tokens = InspectorTokens::new(VIEW, Some(CHANGE)).expect("tokens");
    serve(move |listener| {
        let make = move || {
            let inspector: Inspector = limiter.inspector("/limiter/").authorize(tokens.clone());
            App::new().wrap(limiter.clone()).service(inspector.hosts(["ops.example.com"])).service(search)
        };
        Ok(HttpServer::new(make).workers(1).listen(listener)?.run())
    })
}

/// Sends a request with a body.
fn send(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
    let mut text = format!("{method} {target} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str("Host: localhost\r\n");
    }
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    write!(stream, "{text}\r\n{body}").expect("the server reads");
    Client::over(stream).read(method == "HEAD")
}

const BAN: &str = r#"{"action": "ban", "client": "192.0.2.7", "seconds": 60}"#;
const JSON: (&str, &str) = ("Content-Type", "application/json");
const CHANGER: (&str, &str) = ("X-Operator", "changer");

fn bans(limiter: &Limiter) -> usize {
    actix_web::rt::System::new().block_on(limiter.bans()).expect("the bans").len()
}

#[test]
fn no_spelling_of_a_path_gets_past_the_permission() {
    let limiter = build(Limiter::builder());
    let server = start(&limiter);
    let targets = [
        "/limiter",
        "/limiter/",
        "/limiter/page.js",
        "/limiter/page.css",
        "/limiter/icon.svg",
        "/limiter/nothing",
        "/limiter/api/v1/overview",
        "/limiter/api/v1/limits",
        "/limiter/api/v1/settings",
        "/limiter/api/v1/top",
        "/limiter/api/v1/client?client=a",
        "/limiter/api/v1/bans",
        "/limiter/api/v1/events",
        "/limiter/api/v1/openapi.json",
        "/limiter/api/v1/changes",
        "/limiter//api/v1/overview",
        "/limiter/./api/v1/overview",
        "/limiter/x/../api/v1/overview",
        "/limiter/%61pi/v1/overview",
        "/%6cimiter/api/v1/overview",
        "/limiter/api%2fv1%2foverview",
        "/limiter/api/v1/overview/",
        "/limiter/api/v1/overview?x-operator=changer",
        "/limiter/api/v1/overview;x=1",
        "/limiter/API/v1/overview",
        "//limiter/api/v1/overview",
        "/limiter\\api/v1/overview",
        "/x/../limiter/api/v1/overview",
        "/limiter/api/v1/overview%00",
        "/limiter/api/v1/overview%2f..",
        "http://localhost/limiter/api/v1/overview",
    ];
    for target in targets {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE"] {
            let answer = send(server.address, method, target, &[JSON], BAN);
            assert!([400, 403, 404].contains(&answer.status), "{method} {target}: {}", answer.status);
            assert!(!answer.body.contains("minutes") && !answer.body.contains("<html"), "{method} {target}");
        }
    }
    assert_eq!(bans(&limiter), 0);
}

#[test]
fn changes_need_post_the_permission_the_origin_and_json() {
    log::capture();
    let limiter = build(Limiter::builder());
    let server = start(&limiter);
    let target = "/limiter/api/v1/changes";
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let headers = [CHANGER, JSON, ("X-HTTP-Method-Override", "POST"), ("X-Method-Override", "POST")];
        let target = format!("{target}?_method=POST");
        assert_eq!(send(server.address, method, &target, &headers, BAN).status, 405, "{method}");
    }
    for (headers, expected) in [
        (&[JSON][..], 403),
        (&[("X-Operator", "viewer"), JSON], 403),
        (&[("X-Operator", "changer, changer"), JSON], 403),
        (&[CHANGER, JSON, ("Origin", "http://evil.example")], 403),
        (&[CHANGER, JSON, ("Origin", "null")], 403),
        (&[CHANGER, JSON, ("Origin", "http://localhost.evil.example")], 403),
        (&[CHANGER, JSON, ("Origin", "http://localhost:1")], 403),
        (&[CHANGER, JSON, ("Origin", "http://localhost"), ("Sec-Fetch-Site", "cross-site")], 403),
        (&[CHANGER, JSON, ("Sec-Fetch-Site", "same-site")], 403),
        (&[CHANGER, JSON, ("Origin", "http://evil.example"), ("Host", "evil.example")], 421),
        (&[CHANGER, JSON, ("X-Forwarded-Host", "localhost"), ("Host", "evil.example")], 421),
        (&[CHANGER], 415),
        (&[CHANGER, ("Content-Type", "text/plain")], 415),
        (&[CHANGER, ("Content-Type", "application/x-www-form-urlencoded")], 415),
    ] {
        assert_eq!(send(server.address, "POST", target, headers, BAN).status, expected, "{headers:?}");
    }
    assert_eq!(bans(&limiter), 0, "nothing has changed");
    let refused = log::everywhere("change by the inspector refused");
    assert!(refused.iter().any(|line| line.contains("L051") && line.contains("viewer")), "{refused:?}");

    let own = [CHANGER, JSON, ("Origin", "http://localhost"), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(send(server.address, "POST", target, &own, BAN).status, 200);
    assert_eq!(bans(&limiter), 1);
}

#[test]
fn tokens_permit_and_browsers_are_prompted() {
    let limiter = build(Limiter::builder());
    let server = start_with_tokens(&limiter);
    let overview = "/limiter/api/v1/overview";
    let with = |value: &str| send(server.address, "GET", overview, &[("Authorization", value)], "").status;
    let denied = send(server.address, "GET", "/limiter", &[], "");
    assert_eq!(denied.status, 401);
    assert!(denied.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")));
    assert_eq!(with(&format!("Bearer {VIEW}")), 200);
    assert_eq!(with(&format!("Bearer {CHANGE}")), 200);
    assert_eq!(with(&format!("Bearer {}", &VIEW[..VIEW.len() - 1])), 401);
    assert_eq!(with(&format!("Bearer {VIEW}, Bearer {CHANGE}")), 401);
    let by_query = send(server.address, "GET", &format!("{overview}?access_token={VIEW}"), &[], "");
    assert_eq!(by_query.status, 401);
    let change = |token: &str, host: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), JSON, ("Host", host)];
        send(server.address, "POST", "/limiter/api/v1/changes", &headers, BAN).status
    };
    assert_eq!(change(VIEW, "ops.example.com"), 403);
    assert_eq!(bans(&limiter), 0);
    assert_eq!(change(CHANGE, "other.example.com"), 421);
    assert_eq!(change(CHANGE, "ops.example.com"), 200);
}

#[test]
fn no_page_of_another_origin_may_read_or_frame_it() {
    let limiter = build(Limiter::builder());
    let server = start(&limiter);
    let origin = ("Origin", "http://evil.example");
    let preflight = [
        CHANGER,
        origin,
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ];
    for (method, target, headers) in [
        ("OPTIONS", "/limiter/api/v1/changes", &preflight[..]),
        ("OPTIONS", "/limiter/api/v1/overview", &preflight),
        ("GET", "/limiter/api/v1/overview", &[CHANGER, origin]),
        ("GET", "/limiter", &[CHANGER, origin]),
        ("GET", "/limiter/page.js", &[CHANGER, origin]),
        ("GET", "/limiter/nothing", &[CHANGER, origin]),
        ("GET", "/limiter", &[]),
    ] {
        let answer = send(server.address, method, target, headers, "");
        let cors: Vec<_> =
            answer.headers.iter().filter(|(name, _)| name.starts_with("access-control")).collect();
        assert!(cors.is_empty(), "{method} {target}: {cors:?}");
        assert!(method == "GET" || answer.status == 405, "{method} {target}: {}", answer.status);
        for (name, expected) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(expected), "{method} {target}");
        }
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    }
}

/// Nothing that a client chooses can become markup or code.
#[test]
fn files_have_nothing_inline_and_put_in_texts_only() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/inspector/page/");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}{name}")).expect("a file of the page");
    let (page, script, style) = (read("page.html"), read("page.js"), read("page.css"));
    for forbidden in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
    {
        assert!(!script.contains(forbidden), "{forbidden}");
    }
    for text in [&page, &script, &style] {
        let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
        assert!(!elsewhere.contains("http:") && !elsewhere.contains("https:") && !elsewhere.contains("\"//"));
    }
    let inline = |word: &&str| word.starts_with("style=") || (word.starts_with("on") && word.contains('='));
    assert_eq!(page.split_whitespace().find(inline), None);
    assert_eq!(page.matches("<script").count(), 1);
}

/// An operator who has locked everybody out can still end that.
#[test]
fn the_inspector_is_exempt_by_itself() {
    let limiter = build(Limiter::builder().application_limits("1/day").default_limits("1/day"));
    let server = start(&limiter);
    let everybody = r#"{"action": "ban", "client": "0.0.0.0/0", "seconds": 60}"#;
    let mut client = Client::connect(server.address);
    assert_eq!([client.get("/plain").status, client.get("/plain").status], [200, 429]);
    let headers = [CHANGER, JSON];
    assert_eq!(send(server.address, "POST", "/limiter/api/v1/changes", &headers, everybody).status, 200);
    assert_eq!(client.get("/plain").status, 403);
    for _ in 0..5 {
        assert_eq!(send(server.address, "GET", "/limiter/api/v1/bans", &headers, "").status, 200);
    }
    let end = r#"{"action": "unban", "client": "0.0.0.0/0"}"#;
    assert_eq!(send(server.address, "POST", "/limiter/api/v1/changes", &headers, end).status, 200);
    assert_eq!(client.get("/plain").status, 429);
}

#[test]
fn it_may_be_inside_of_a_scope() {
    let limiter = build(Limiter::builder());
    let server = serve(move |listener| {
        let make = move || {
            App::new().wrap(limiter.clone()).service(web::scope("/admin").service(inspector(&limiter)))
        };
        Ok(HttpServer::new(make).workers(1).listen(listener)?.run())
    });
    let ask = |target: &str| send(server.address, "GET", target, &[CHANGER], "").status;
    assert_eq!(
        [ask("/admin/limiter"), ask("/admin/limiter/api/v1/overview"), ask("/limiter")],
        [200, 200, 404]
    );
    assert_eq!(ask("/admin/limiterx"), 404);
}
