//! The examples, as they are built: what their first lines promise.

use limiter_test_support::{
    client::{Answer, Client},
    program::{run_example, run_example_in, run_example_with},
};

/// Asks so often in turn; returns the statuses.
fn statuses(client: &mut Client, target: &str, headers: &[(&str, &str)], times: usize) -> Vec<u16> {
    (0..times).map(|_| client.ask("GET", target, headers).status).collect()
}

/// The first answer to be refused, which is the second.
fn refused(client: &mut Client, target: &str, headers: &[(&str, &str)]) -> Answer {
    assert_eq!(client.ask("GET", target, headers).status, 200, "{target}");
    client.ask("GET", target, headers)
}

#[test]
fn clients_behind_a_proxy_count_apart() {
    let program = run_example("behind_proxy");
    let mut proxy = Client::connect(program.address);
    let for_whom = |claim: &'static str| [("X-Forwarded-For", claim)];

    let first = proxy.ask("GET", "/", &for_whom("192.0.2.1"));
    assert_eq!((first.status, first.body.as_str()), (200, "hello 192.0.2.1\n"));
    assert_eq!(statuses(&mut proxy, "/", &for_whom("192.0.2.1"), 3), [200, 200, 429]);
    assert_eq!(statuses(&mut proxy, "/", &for_whom("6.6.6.6, 192.0.2.1"), 1), [429], "it lies on the left");
    assert_eq!(statuses(&mut proxy, "/", &for_whom("192.0.2.2"), 4), [200, 200, 200, 429]);

    // Not from a trusted address: its own counts, whatever it claims.
    let mut stranger = Client::connect_from([127, 0, 0, 9].into(), program.address);
    let first = stranger.ask("GET", "/", &for_whom("192.0.2.3"));
    assert_eq!((first.status, first.body.as_str()), (200, "hello 127.0.0.9\n"));
    assert_eq!(statuses(&mut stranger, "/", &for_whom("192.0.2.4"), 3), [200, 200, 429]);
}

#[test]
fn plans_change_while_the_server_runs() {
    let program = run_example_with("plans", "sqlite");
    let mut client = Client::connect(program.address);
    let with = |customer: &'static str| [("x-customer", customer)];

    assert_eq!(statuses(&mut client, "/generate", &with("bob"), 3), [200, 200, 429]);
    assert_eq!(statuses(&mut client, "/generate", &with("ada"), 6), [200, 200, 200, 200, 200, 429]);
    assert_eq!(statuses(&mut client, "/generate", &with("nobody"), 4), [200, 200, 200, 429]);

    assert_eq!(client.ask("PUT", "/plans/nobody/9", &[]).status, 404);
    assert_eq!(client.ask("PUT", "/plans/bob/4", &[]).status, 204);
    let next = client.ask("GET", "/generate", &with("bob"));
    assert_eq!((next.status, next.header("x-ratelimit-limit")), (200, Some("4")));
    assert_eq!(statuses(&mut client, "/generate", &with("bob"), 2), [200, 429], "what he used stays used");
}

#[test]
fn api_keys_have_their_own_quotas() {
    let program = run_example("api_keys");
    let mut client = Client::connect(program.address);
    let with = |key: &'static str| [("x-api-key", key)];

    // Strangers by address, over all routes, whatever key they make up.
    assert_eq!(statuses(&mut client, "/search", &[], 1), [200]);
    assert_eq!(statuses(&mut client, "/report", &with("made-up"), 1), [200]);
    assert_eq!(statuses(&mut client, "/search", &with("made-up-too"), 1), [429]);
    let mut other = Client::connect_from([127, 0, 0, 9].into(), program.address);
    assert_eq!(statuses(&mut other, "/search", &[], 1), [200]);

    // Customers by themselves, wherever they are, over all routes.
    assert_eq!(statuses(&mut client, "/search", &with("b-1"), 4), [200; 4]);
    assert_eq!(statuses(&mut other, "/report", &with("b-1-spare"), 2), [200, 429]);
    let premium = client.ask("GET", "/search", &with("p-1"));
    let left = |answer: &Answer| answer.header("x-ratelimit-remaining").map(str::to_owned);
    assert_eq!((premium.status, premium.header("x-ratelimit-limit")), (200, Some("10")));
    assert_eq!(left(&premium).as_deref(), Some("9"));
    let refused = client.ask("GET", "/search", &with("b-1"));
    assert_eq!((refused.status, refused.header("x-ratelimit-limit")), (429, Some("5")));
}

#[test]
fn refusals_have_custom_responses() {
    let program = run_example("custom_responses");
    let mut client = Client::connect(program.address);

    let letter = refused(&mut client, "/letter", &[]);
    assert_eq!((letter.status, letter.header("content-type")), (429, Some("application/json")));
    let body: serde_json::Value = serde_json::from_str(&letter.body).expect("JSON");
    assert_eq!(body["message"], "One letter a minute, please.");
    assert_eq!(body["limit"], "1 per 1 minute");
    assert_eq!(body["wait"].as_u64().map(|wait| wait.to_string()).as_deref(), letter.header("retry-after"));

    let page = client.ask("GET", "/letter", &[("Accept", "text/html,*/*;q=0.8")]);
    assert_eq!((page.status, page.header("content-type")), (429, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("<title>My site</title>"), "{page:?}");
    let wait = page.header("retry-after").expect("a wait");
    assert!(page.body.contains(&format!("in {wait} seconds")), "{page:?}");

    let greeting = refused(&mut client, "/greeting", &[("Accept-Language", "de-AT, en;q=0.5")]);
    assert!(greeting.body.contains("Bitte etwas langsamer."), "{greeting:?}");
    let greeting = client.ask("GET", "/greeting", &[]);
    assert!(greeting.body.contains("A little slower, please."), "{greeting:?}");

    let tickets = refused(&mut client, "/tickets", &[]);
    let wait = tickets.header("retry-after").expect("a wait");
    assert_eq!(tickets.status, 303);
    assert_eq!(tickets.header("location"), Some(format!("/waiting-room?seconds={wait}").as_str()));
    assert_eq!(statuses(&mut client, "/waiting-room", &[], 3), [200; 3]);

    // Not the limiter's refusal, so not its page either.
    let busy = client.ask("GET", "/busy", &[("Accept", "text/html")]);
    assert_eq!((busy.status, busy.body.as_str()), (429, "all printers are busy\n"));
}

#[test]
fn the_inspector_shows_and_clears_a_client() {
    let [view, change] = ["view-0123456789abcdef", "change-0123456789abcdef"];
    let program =
        run_example_in("inspector", &[("LIMITER_VIEW_TOKEN", view), ("LIMITER_CHANGE_TOKEN", change)]);
    let mut client = Client::connect(program.address);
    assert_eq!(statuses(&mut client, "/search", &[], 6), [200, 200, 200, 200, 200, 429]);
    let bearer = format!("Bearer {view}");
    let target = "/limiter/api/v1/client?client=127.0.0.1";
    assert_eq!(client.get(target).status, 401);
    let shown = client.ask("GET", target, &[("Authorization", &bearer)]);
    assert!(shown.body.contains("\"is_refused\":true"), "{}", shown.body);
}
