//! The commands for a running limiter.

use std::process::{Command, Stdio};

use actix_web::{App, HttpResponse, HttpServer, get};
use limiter_actix::{InspectorTokens, Limiter, limit};
use limiter_test_support::{
    client::Client,
    server::{Server, serve},
};
use serde_json::Value;

use crate::support::{Run, program};

const VIEW: &str = "view-0123456789abcdef";
const CHANGE: &str = "change-0123456789abcdef";

#[limit("2/hour", name = "searches")]
#[get("/search")]
async fn search() -> HttpResponse {
    HttpResponse::Ok().finish()
}

fn start() -> Server {
    let limiter = Limiter::builder().default_limits("100/day").top_clients(true).build().expect("a limiter");
    let tokens = InspectorTokens::new(VIEW, Some(CHANGE)).expect("tokens");
    serve(move |listener| {
        let make = move || {
            let inspector = limiter.inspector("/limiter").authorize(tokens.clone());
            App::new().wrap(limiter.clone()).service(inspector).service(search)
        };
        Ok(HttpServer::new(make).workers(1).listen(listener)?.run())
    })
}

/// Returns the statuses of so many requests.
fn searches(server: &Server, number: usize) -> Vec<u16> {
    let mut client = Client::connect(server.address);
    (0..number).map(|_| client.get("/search").status).collect()
}

fn run(server: &Server, token: &str, arguments: &[&str]) -> Run {
    let output = Command::new(program())
        .args(arguments)
        .env("LIMITER_INSPECTOR", format!("http://{}/limiter", server.address))
        .env("LIMITER_TOKEN", token)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    Run {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("it writes UTF-8"),
        errors: String::from_utf8(output.stderr).expect("it writes UTF-8"),
    }
}

#[test]
fn a_refused_client_is_shown_and_cleared() {
    let server = start();
    assert_eq!(searches(&server, 3), [200, 200, 429]);
    let shown = run(&server, VIEW, &["client", "127.0.0.1"]);
    assert_eq!(shown.code, 1, "{shown:?}");
    for text in ["127.0.0.1 is refused until 2", "2 per 1 hour (route GET /search)", "route /search"] {
        assert!(shown.out.contains(text), "{text}: {}", shown.out);
    }
    let json = run(&server, VIEW, &["client", "127.0.0.1", "--json"]);
    assert_eq!((json.code, json.json()["command"].as_str()), (1, Some("client")));
    assert_eq!(json.json()["windows"][0]["remaining"], 0);

    let cleared = run(&server, CHANGE, &["clear", "127.0.0.1"]);
    assert_eq!((cleared.code, cleared.out.as_str()), (0, "cleared 127.0.0.1\n"), "{cleared:?}");
    assert_eq!(searches(&server, 1), [200]);
    assert_eq!(run(&server, VIEW, &["client", "127.0.0.1"]).code, 0);
}

#[test]
fn a_network_is_banned_and_unbanned() {
    let server = start();
    let banned = run(&server, CHANGE, &["ban", "127.0.0.0/8", "2h", "--reason", "scraping"]);
    assert_eq!((banned.code, banned.out.as_str()), (0, "banned 127.0.0.0/8 for 7200 s\n"), "{banned:?}");
    assert_eq!(searches(&server, 1), [403]);
    let shown = run(&server, VIEW, &["client", "127.0.0.1"]);
    assert!(shown.code == 1 && shown.out.contains("ban of 127.0.0.0/8 until"), "{shown:?}");
    assert!(shown.out.contains(": scraping"), "{shown:?}");
    assert_eq!(run(&server, CHANGE, &["unban", "127.0.0.0/8"]).code, 0);
    assert_eq!(searches(&server, 1), [200]);
    let nothing = run(&server, CHANGE, &["unban", "127.0.0.0/8", "--json"]);
    assert_eq!((nothing.code, &nothing.json()["has_changed"]), (1, &Value::Bool(false)));
}

#[test]
fn limits_settings_and_top_clients_are_shown() {
    let server = start();
    assert_eq!(searches(&server, 4), [200, 200, 429, 429]);
    for (command, texts) in [
        ("limits", &["GET /search", "2 per 1 hour", "default_limits", "exempt"][..]),
        ("config", &["default_limits", "100 per 1 day", "code", "strategy"]),
        ("top", &["Most refused", "127.0.0.1"]),
    ] {
        let shown = run(&server, VIEW, &[command]);
        assert!(shown.code == 0 && !shown.out.contains('\x1b'), "{shown:?}");
        for text in texts {
            assert!(shown.out.contains(text), "{command}: {text}: {}", shown.out);
        }
        assert_eq!(run(&server, VIEW, &[command, "--json"]).json()["version"], 1);
    }
    let watched = run(&server, VIEW, &["watch", "--updates", "1"]);
    let numbers: Vec<_> = watched.out.lines().last().unwrap_or_default().split_whitespace().skip(1).collect();
    assert_eq!(numbers, ["2", "0", "2", "0", "0", "0"], "{watched:?}");
    let watched = run(&server, VIEW, &["watch", "--updates", "2", "--json"]);
    assert_eq!(watched.out.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count(), 2);
}

#[test]
fn what_fails_has_its_own_code() {
    let server = start();
    for (token, arguments, code, error) in [
        ("", &["limits"][..], 4, "not authorized; set LIMITER_TOKEN"),
        ("wrong-0123456789abcdef", &["limits"], 4, "not authorized"),
        (VIEW, &["clear", "a"], 4, "no permission to change"),
        (VIEW, &["client", ""], 2, "expected a client"),
        (CHANGE, &["ban", "a", "0s"], 2, "expected a number with a unit"),
        (CHANGE, &["ban", "a", "7"], 2, "expected a number with a unit"),
        (VIEW, &["limits", "--inspector", "https://127.0.0.1/limiter"], 2, "http://"),
        (VIEW, &["limits", "--inspector", ""], 2, "expected the address"),
    ] {
        let run = run(&server, token, arguments);
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{arguments:?}: {run:?}");
        assert!(run.errors.contains(error), "{arguments:?}: {run:?}");
        assert!(!run.errors.contains(VIEW), "{run:?}");
    }
    let elsewhere = format!("http://{}/search", server.address);
    assert_eq!(run(&server, VIEW, &["limits", "--inspector", &elsewhere]).code, 4);
    drop(server);
    let nowhere = run(&start(), VIEW, &["limits", "--inspector", "http://127.0.0.1:1/limiter"]);
    assert!(nowhere.code == 4 && nowhere.errors.contains("127.0.0.1:1"), "{nowhere:?}");
}
