//! Metered limits over TCP: the example that forwards the stream of a language model.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use limiter_test_support::{client::Client, program::run_example};

/// The limit of a customer, in tokens.
const LIMIT: usize = 1000;

/// Sends a prompt over a connection of its own.
fn begin(address: SocketAddr, customer: &str, prompt: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout can be set");
    let head = format!(
        "POST /completions HTTP/1.1\r\nHost: x\r\nX-Customer: {customer}\r\nConnection: close\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        prompt.len()
    );
    stream.write_all((head + prompt).as_bytes()).expect("the server reads");
    BufReader::new(stream)
}

/// Reads an answer to its end. Returns the tokens that it took, or `None` if it was refused.
fn tokens(mut answer: BufReader<TcpStream>) -> Option<usize> {
    let mut text = String::new();
    answer.read_to_string(&mut text).expect("the server answers");
    if text.starts_with("HTTP/1.1 429") {
        return None;
    }
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let usage = text.split("{\"usage\":").nth(1).and_then(|rest| rest.split('}').next());
    Some(usage.and_then(|usage| usage.parse().ok()).expect("the model reports its usage"))
}

/// Returns what is left for a customer once it fits, or after a while.
fn left(address: SocketAddr, customer: &str, fits: impl Fn(usize) -> bool) -> usize {
    let began = Instant::now();
    loop {
        let answer = Client::connect(address).ask("GET", "/tokens", &[("X-Customer", customer)]);
        let left = answer.body.trim().parse().unwrap_or_else(|_| panic!("a number: {answer:?}"));
        if fits(left) || began.elapsed() > Duration::from_secs(20) {
            return left;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_stream_is_settled_at_its_end() {
    let program = run_example("llm");
    assert_eq!(tokens(begin(program.address, "a", "one two three")), Some(6));
    assert_eq!(left(program.address, "a", |left| left == LIMIT - 6), LIMIT - 6);
    assert_eq!(left(program.address, "b", |left| left == LIMIT), LIMIT, "another customer");
}

#[test]
fn a_client_that_leaves_pays_for_what_it_got() {
    let program = run_example("llm");
    // 800 tokens, of which 399 are reserved.
    let prompt = ["w"; 400].join(" ");
    let mut answer = begin(program.address, "a", &prompt);
    let mut line = String::new();
    while !line.contains("\"word\"") {
        line.clear();
        assert!(answer.read_line(&mut line).expect("a line") > 0, "the answer begins");
    }
    assert_eq!(left(program.address, "a", |left| left == LIMIT - 399), LIMIT - 399, "it is under way");
    drop(answer);
    let left = left(program.address, "a", |left| left > LIMIT - 399);
    assert!((LIMIT - 398..LIMIT).contains(&left), "only some words were sent: {left} are left");
}

/// What is spent exceeds the limit by less than the requests under way take.
#[test]
fn a_hundred_clients_at_once_overspend_by_no_more_than_is_under_way() {
    let program = run_example("llm");
    // Both take 40 tokens. The first reserves 19 and the second 59 of them.
    for (customer, word, reserved) in [("low", "a", 19), ("high", "aaaaa", 59)] {
        let prompt = [word; 20].join(" ");
        assert_eq!(prompt.len() / 2, reserved);
        let answers: Vec<_> = (0..100).map(|_| begin(program.address, customer, &prompt)).collect();
        let taken: Vec<_> = answers.into_iter().filter_map(tokens).collect();
        assert!(taken.iter().all(|tokens| *tokens == 40));
        let spent: usize = taken.iter().sum();
        // Each reserved at least so much when the last was admitted, while 1 was left.
        let at_admission = taken.len() * reserved.min(40);
        assert!(at_admission < LIMIT + reserved, "{customer}: {} are admitted", taken.len());
        let under_way = taken.len() * 40_usize.saturating_sub(reserved);
        assert!(spent < LIMIT + reserved + under_way, "{customer}: {spent} are spent");
        assert!(spent + 59 * 100 > LIMIT && taken.len() >= LIMIT / 59, "{customer}: {spent} are spent");

        let expected = LIMIT.saturating_sub(spent);
        assert_eq!(left(program.address, customer, |left| left == expected), expected, "{customer}");
    }
}
