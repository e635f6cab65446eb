//! The quickstart, as it is built, with its default workers.

use std::{thread, time::Instant};

use limiter_test_support::{
    client::{Answer, Client},
    program::{Program, run_example},
};

use crate::count;

/// Sends so many requests over each of so many connections at once; returns all statuses.
fn storm(program: &Program, target: &'static str, connections: usize, requests: usize) -> Vec<u16> {
    let address = program.address;
    let threads: Vec<_> = (0..connections)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::connect(address);
                (0..requests).map(|_| client.get(target).status).collect::<Vec<_>>()
            })
        })
        .collect();
    threads.into_iter().flat_map(|thread| thread.join().expect("a client without a fault")).collect()
}

fn wait_of(answer: &Answer) -> u64 {
    answer.header("retry-after").and_then(|wait| wait.parse().ok()).unwrap_or_default()
}

#[test]
fn the_quickstart_limits_its_routes() {
    let program = run_example("quickstart");
    let mut client = Client::connect(program.address);

    // Each keeps to itself what it has used.
    assert_eq!(client.get("/slow").status, 200);
    let refused = client.get("/slow");
    assert_eq!(refused.status, 429);
    assert!((86_300..=86_400).contains(&wait_of(&refused)), "{refused:?}");
    assert!(refused.body.contains("1 per 1 day"), "{refused:?}");

    let statuses = storm(&program, "/fast", 30, 10);
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (50, 250));
    let refused = Client::connect(program.address).get("/fast");
    assert!((3500..=3600).contains(&wait_of(&refused)), "{refused:?}");
    assert_eq!(refused.header("x-ratelimit-limit"), Some("50"));
    assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));

    let statuses = storm(&program, "/ping", 20, 50);
    assert_eq!(count(&statuses, 200), 1000, "while everything else is spent");
}

/// A clock of the test's own cannot be given to a program: this one waits for the second to pass.
#[test]
fn the_medium_route_obeys_its_own_limit_and_the_defaults() {
    let program = run_example("quickstart");
    let mut client = Client::connect(program.address);
    let first = client.get("/medium");
    assert_eq!(first.status, 200);
    assert_eq!(first.header("x-ratelimit-limit"), Some("1"), "the innermost level's");
    let begun = Instant::now();
    let statuses = storm(&program, "/medium", 4, 5);
    let seconds = usize::try_from(begun.elapsed().as_secs()).expect("a short while");
    assert!(count(&statuses, 200) <= 2 + seconds, "one a second: {statuses:?}");
    let mut client = Client::connect(program.address);
    assert_eq!(client.get("/slow").status, 200, "counts of other routes are their own");
}
