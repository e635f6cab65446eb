//! The example that shows its metrics, as Prometheus sees it.

use std::{collections::BTreeMap, net::Ipv4Addr};

use limiter_test_support::{
    client::Client,
    program::{Program, run_example_with},
};

/// The exposed values, by the name with its labels.
fn scrape(program: &Program) -> BTreeMap<String, f64> {
    let answer = Client::connect(program.address).get("/metrics");
    assert_eq!(answer.status, 200);
    let lines = answer.body.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let series = lines.map(|line| line.rsplit_once(' ').expect("a name and a value"));
    series.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

/// The value of a series; 0 where there is none.
fn value(series: &BTreeMap<String, f64>, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |text: &str, (label, value): &(&str, &str)| text.contains(&format!("{label}=\"{value}\""));
    let is_it =
        |text: &str| text.split('{').next() == Some(name) && labels.iter().all(|label| has(text, label));
    series.iter().filter(|(text, _)| is_it(text)).map(|(_, value)| value).sum()
}

fn assert_values(series: &BTreeMap<String, f64>, name: &str, expected: &[(&[(&str, &str)], f64)]) {
    for (labels, expected) in expected {
        let found = value(series, name, labels);
        assert!((found - expected).abs() < f64::EPSILON, "{name} {labels:?} is {found}, not {expected}");
    }
}

#[test]
fn prometheus_sees_limits_and_no_clients() {
    const STORM: u16 = 2000;
    let program = run_example_with("prometheus", "metrics");
    let mut client = Client::connect(program.address);
    let statuses: Vec<u16> = (0..7).map(|_| client.get("/search").status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    for item in 0..4 {
        assert_eq!(client.get(&format!("/items/{item}")).status, 200);
    }
    assert_eq!(client.get("/nowhere").status, 404);

    let (search, tried) = ([("route", "/search"), ("limit", "search")], [("limit", "tried")]);
    let before = scrape(&program);
    assert_values(
        &before,
        "limiter_requests_total",
        &[
            (&[("outcome", "allowed"), ("decided_by", "storage")], 9.0),
            (&[("outcome", "refused")], 2.0),
            (&[("outcome", "shadow_refused")], 1.0),
            (&[], 12.0),
        ],
    );
    let of_items = [("route", "/items/{id}"), ("limit", "default 60 per 1 minute")];
    let elsewhere = [("route", "unmatched"), ("limit", "default 60 per 1 minute")];
    assert_values(
        &before,
        "limiter_limit_hits_total",
        &[(&search, 5.0), (&tried, 3.0), (&of_items, 4.0), (&elsewhere, 1.0)],
    );
    assert_values(&before, "limiter_limit_refusals_total", &[(&search, 2.0), (&[], 2.0)]);
    assert_values(&before, "limiter_limit_shadow_refusals_total", &[(&tried, 1.0), (&[], 1.0)]);
    // One that leaves nothing of 5, and one that leaves nothing of 3.
    assert_values(&before, "limiter_limit_near_total", &[(&search, 1.0), (&tried, 1.0), (&[], 2.0)]);
    assert_values(&before, "limiter_decision_seconds_count", &[(&[], 12.0)]);
    assert_values(&before, "limiter_storage_failing", &[(&[], 0.0)]);

    // Each from a client of its own, to a path of its own.
    for number in 0..STORM {
        let [high, low] = number.to_be_bytes();
        let mut client = Client::connect_from(Ipv4Addr::new(127, 77, high, low).into(), program.address);
        let (target, status) =
            if number % 2 == 0 { (format!("/items/x{number}"), 200) } else { (format!("/no/{number}"), 404) };
        assert_eq!(client.get(&target).status, status);
    }
    let after = scrape(&program);
    let all = f64::from(STORM);
    assert_values(&after, "limiter_requests_total", &[(&[], 12.0 + all)]);
    assert_values(
        &after,
        "limiter_limit_hits_total",
        &[(&of_items, 4.0 + all / 2.0), (&elsewhere, 1.0 + all / 2.0)],
    );
    assert!(value(&after, "limiter_memory_keys", &[("prefix", "limiter")]) >= all);
    assert!(
        before.keys().eq(after.keys()),
        "no client and no path has brought a series of its own: {after:?}"
    );
}
