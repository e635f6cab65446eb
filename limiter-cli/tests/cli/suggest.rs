//! `limiter suggest`.

use serde_json::Value;

use crate::support::{Folder, Numbers, client, limiter, line};

/// Returns a log of two days, in which few clients send most requests, some of them in bursts.
fn log() -> String {
    let mut numbers = Numbers(3);
    let mut log = String::new();
    for index in 0..4000 {
        let client = client(&mut numbers, 40);
        let second = index * 9 * 3600 / 4000;
        let burst = if numbers.below(50) == 0 { numbers.below(9) } else { 0 };
        for _ in 0..=burst {
            log += &line(&client.to_string(), second, "GET /a");
        }
    }
    log
}

fn suggested(folder: &Folder, arguments: &[&str]) -> Value {
    let run = limiter(folder, &[&["suggest", "a.log", "--json"], arguments].concat());
    assert_eq!(run.code, 0, "{run:?}");
    run.json()
}

/// Returns the number of clients that these limits refuse, and of all clients.
fn replayed(limits: &str, strategy: &str) -> (u64, u64) {
    let settings = format!("strategy = '{strategy}'\napplication_limits = '{limits}'");
    let folder = Folder::new(&[("limits.toml", settings.as_bytes()), ("a.log", log().as_bytes())]);
    let clients = limiter(&folder, &["replay", "limits.toml", "a.log", "--json"]).json()["clients"].clone();
    let number = |name: &str| clients[name].as_u64().expect("a number");
    (number("refused"), number("total"))
}

#[test]
fn a_replay_of_a_suggestion_confirms_its_share() {
    let folder = Folder::new(&[("a.log", log().as_bytes())]);
    for strategy in ["fixed-window", "fixed-window-elastic-expiry", "sliding-window-counter"] {
        for share in ["1", "10"] {
            let report = suggested(&folder, &["--share", share, "--strategy", strategy]);
            let total = report["clients"]["total"].as_u64().expect("a number");
            let allowed = total * share.parse::<u64>().unwrap() / 100;
            let windows = report["windows"].as_array().expect("rows");
            let rows = windows.iter().map(|row| (&row["quota"], &row["touched"]));
            let together = &report["together"];
            for (limits, touched) in rows.chain([(&together["limits"], &together["touched"])]) {
                let (limits, touched) =
                    (limits.as_str().expect("a text"), touched.as_u64().expect("a number"));
                assert!(touched <= allowed, "{strategy} {limits}: {touched} of {total}");
                assert_eq!(replayed(limits, strategy), (touched, total), "{strategy} {limits}");
            }
            let touched = together["touched"].as_u64().expect("a number");
            assert!(share == "1" || touched * 2 > allowed, "{strategy}: {touched} of {allowed}");
        }
    }
}

#[test]
fn suggest_shows_tables() {
    let mut log = String::new();
    for client in 1..=10 {
        for second in 0..client * client {
            log += &line(&format!("192.0.2.{client}"), second * 40, "GET /a");
        }
    }
    let folder = Folder::new(&[("a.log", log.as_bytes())]);
    let run = limiter(&folder, &["suggest", "a.log", "--share", "20"]);
    let expected = "\
385 requests from 2026-10-09T13:00:00Z to 2026-10-09T14:06:00Z (1.1 h)
10 clients, strategy fixed-window

Requests of a client in its busiest window
window  half send at most  90 %  99 %  99.9 %  most
second                  1     1     1       1     1
minute                  2     2     2       2     2
hour                   25    81    90      90    90
day                    25    81   100     100   100

Quotas that touch at most 20 % of the clients
limit     clients touched    share
1/second                0      0 %
2/minute                0      0 %
64/hour                 2  20.00 %
64/day                  2  20.00 %

Together, in limits.toml
application_limits = \"2/minute; 64/hour\"  # touches 2 clients, 20.00 %

Notes
The log is shorter than a window of a day, so its figures are too low.
";
    assert_eq!((run.code, run.out.as_str(), run.errors.as_str()), (0, expected, ""));
}

#[test]
fn paths_and_addresses_may_be_grouped() {
    let log = [("2001:db8::1", "/a"), ("2001:db8::2", "/a/b"), ("192.0.2.1", "/b")];
    let log = log.map(|(client, path)| line(client, 0, &format!("GET {path}"))).concat();
    let folder = Folder::new(&[("a.log", log.as_bytes())]);
    assert_eq!(suggested(&folder, &[])["clients"]["total"], 2, "an IPv6 network is one client");
    let report = suggested(&folder, &["--path", "/a"]);
    assert_eq!(
        (&report["clients"]["total"], &report["windows"][0]["distribution"]["max"]),
        (&1.into(), &2.into())
    );
}
