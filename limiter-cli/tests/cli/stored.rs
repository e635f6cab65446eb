//! The commands for a limiter of which only the storage is at hand, and three processes that share it.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, get};
use limiter_actix::{InspectorTokens, Limiter, limit};
use limiter_test_servers::{Memcached, Redis, free_port, wait_until};
use limiter_test_support::{
    client::Client,
    server::{Server, serve},
};
use serde_json::Value;

use crate::support::{Folder, Run, program};

const VIEW: &str = "view-0123456789abcdef";
const CHANGE: &str = "change-0123456789abcdef";

/// Set in the processes that the test runs: the address of the storage.
const STORAGE: &str = "LIMITER_TEST_STORAGE";

#[limit("8/hour", name = "searches")]
#[get("/search")]
async fn search() -> HttpResponse {
    HttpResponse::Ok().finish()
}

fn server(uri: &str) -> Server {
    let limiter = Limiter::builder().storage_uri(uri);
    // On a busy machine, the first call of a connection takes longer than the default.
    let limiter = limiter.storage_deadline(Duration::from_secs(30)).build().expect("a limiter");
    let tokens = InspectorTokens::new(VIEW, Some(CHANGE)).expect("tokens");
    serve(move |listener| {
        let make = move || {
            let inspector = limiter.inspector("/limiter").authorize(tokens.clone());
            App::new().wrap(limiter.clone()).service(inspector).service(search)
        };
        Ok(HttpServer::new(make).workers(1).listen(listener)?.run())
    })
}

/// Is such a process: serves until its input ends.
#[test]
fn is_one_of_three_servers() {
    let Ok(uri) = env::var(STORAGE) else { return };
    let server = server(&uri);
    println!("\nlistens on {}", server.address);
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}

/// A process with a server.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(uri: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", "stored::is_one_of_three_servers", "--nocapture"]).env(STORAGE, uri);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut addresses = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("listens on ").and_then(|address| address.parse().ok()));
        let address = addresses.next().expect("it prints its address");
        Self { child, address }
    }

    fn status(&self) -> u16 {
        Client::connect(self.address).get("/search").status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the program without an inspector or a storage in its environment.
fn limiter(arguments: &[&str]) -> Run {
    limiter_with(arguments, &[])
}

fn limiter_with(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(program());
    command.args(arguments).stdin(Stdio::null()).envs(variables.iter().copied());
    for name in ["LIMITER_INSPECTOR", "LIMITER_STORAGE", "LIMITER_TOKEN"] {
        if !variables.iter().any(|(set, _)| *set == name) {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("the program runs");
    Run {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("it writes UTF-8"),
        errors: String::from_utf8(output.stderr).expect("it writes UTF-8"),
    }
}

/// Waits until all processes respond so, and prints the time that it took. That of a busy machine is not asserted.
fn wait_for(processes: &[Process; 3], status: u16, what: &str) {
    let begun = Instant::now();
    for process in processes {
        wait_until(what, || process.status() == status);
    }
    println!("{what} on three processes after {:?}", begun.elapsed());
}

/// A client, a clear and a ban hold on all processes, whether one of these or the command line makes them.
#[test]
fn three_processes_and_the_command_line_share_a_storage() {
    let redis = Redis::start();
    let uri = redis.uri();
    let processes = [(); 3].map(|()| Process::start(&uri));
    let inspectors = processes.each_ref().map(|process| format!("http://{}/limiter", process.address));
    let on = |number: usize, arguments: &[&str]| {
        limiter_with(arguments, &[("LIMITER_INSPECTOR", &inspectors[number]), ("LIMITER_TOKEN", CHANGE)])
    };
    let stored = |arguments: &[&str]| limiter(&[&["--storage", &*uri], arguments].concat());
    let spend = || {
        while processes[0].status() == 200 {}
        // Each remembers the refusal for a while, without a call of the storage.
        assert_eq!(processes.each_ref().map(Process::status), [429; 3]);
    };

    spend();
    for number in 0..3 {
        let shown = on(number, &["client", "127.0.0.1", "--json"]);
        assert_eq!((shown.code, &shown.json()["is_refused"]), (1, &Value::Bool(true)), "{shown:?}");
    }
    let shown = stored(&["client", "127.0.0.1"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    for text in ["127.0.0.1 is not refused by any limit that is known here", "route /search"] {
        assert!(shown.out.contains(text), "{text}: {shown:?}");
    }
    let shown = stored(&["client", "127.0.0.1", "--json"]).json();
    assert_eq!((&shown["stored"][0], &shown["is_complete"]), (&"route /search".into(), &Value::Bool(false)));

    let cleared = stored(&["clear", "127.0.0.1"]);
    assert_eq!((cleared.code, cleared.out.as_str()), (0, "cleared 127.0.0.1\n"), "{cleared:?}");
    wait_for(&processes, 200, "cleared by the command line");
    spend();
    assert_eq!(on(2, &["clear", "127.0.0.1"]).code, 0);
    wait_for(&processes, 200, "cleared by one of them");
    assert_eq!(stored(&["clear", "127.0.0.1"]).code, 0);
    let free = stored(&["client", "127.0.0.1"]);
    assert!(free.code == 0 && free.out.contains("127.0.0.1 may pass\nno limit has a count"), "{free:?}");

    let banned = stored(&["ban", "127.0.0.0/8", "1h", "--reason", "scraping"]);
    assert_eq!((banned.code, banned.out.as_str()), (0, "banned 127.0.0.0/8 for 3600 s\n"), "{banned:?}");
    wait_for(&processes, 403, "banned by the command line");
    let shown = stored(&["client", "127.0.0.1"]);
    assert!(shown.code == 1 && shown.out.contains("ban of 127.0.0.0/8 until"), "{shown:?}");
    for listed in [stored(&["bans"]), on(1, &["bans"])] {
        assert!(listed.code == 0 && listed.out.contains("127.0.0.0/8  ban"), "{listed:?}");
        assert!(listed.out.contains("scraping"), "{listed:?}");
    }
    // What they have counted until the ban was known.
    assert_eq!(stored(&["clear", "127.0.0.1"]).code, 0);
    assert_eq!(on(0, &["unban", "127.0.0.0/8"]).code, 0);
    wait_for(&processes, 200, "unbanned by one of them");
    assert_eq!(stored(&["bans"]).out, "no bans and no passes\n");

    let passed = stored(&["allow", "127.0.0.1", "1h"]);
    assert_eq!((passed.code, passed.out.as_str()), (0, "127.0.0.1 has a pass for 3600 s\n"), "{passed:?}");
    assert!(stored(&["bans"]).out.contains("127.0.0.1  pass"));
    assert_eq!(stored(&["unban", "127.0.0.1"]).code, 1, "it is no ban");
    assert_eq!(stored(&["disallow", "127.0.0.1"]).out, "ended the pass of 127.0.0.1\n");

    // A limiter with another prefix has other bans and counts.
    let other = stored(&["ban", "user:eve", "1h", "--prefix", "other"]);
    assert_eq!(other.code, 0, "{other:?}");
    assert_eq!(stored(&["bans", "--json"]).json()["bans"], Value::Array(Vec::new()));
    let bans = limiter_with(&["bans", "--json", "--prefix", "other"], &[("LIMITER_STORAGE", &uri)]).json();
    assert_eq!((&bans["version"], &bans["bans"][0]["is_pass"]), (&1.into(), &Value::Bool(false)), "{bans}");
    assert_eq!(stored(&["unban", "user:eve", "--prefix", "other", "--json"]).json()["has_changed"], true);

    // With the settings file of the app, its limits are known.
    let settings = format!("storage_uri = '{uri}'\nkey_prefix = 'shop'\napplication_limits = '2/hour'");
    let folder = Folder::new(&[("limits.toml", settings.as_bytes())]);
    let file = folder.path().join("limits.toml").display().to_string();
    let shown = limiter(&["client", "127.0.0.1", "--settings", &file, "--json"]);
    assert_eq!((shown.code, &shown.json()["counts"]), (0, &1.into()), "{shown:?}");
    assert_eq!(shown.json()["is_complete"], true);
}

/// memcached finds no counts of a client. It clears those of limits that are known.
#[test]
fn memcached_clears_the_limits_of_the_settings_file() {
    let memcached = Memcached::start();
    let uri = memcached.uri();
    let nothing = limiter(&["--storage", &uri, "clear", "192.0.2.1"]);
    assert_eq!(nothing.code, 1, "{nothing:?}");
    assert!(nothing.out.starts_with("nothing to change\nThe storage cannot find"), "{nothing:?}");
    let settings = format!("storage_uri = '{uri}'\napplication_limits = '2/hour; 5/day'");
    let folder = Folder::new(&[("limits.toml", settings.as_bytes())]);
    let file = folder.path().join("limits.toml").display().to_string();
    let cleared = limiter(&["clear", "192.0.2.1", "--settings", &file, "--json"]);
    assert_eq!((cleared.code, &cleared.json()["limits"]), (0, &2.into()), "{cleared:?}");
    assert_eq!(limiter(&["--storage", &uri, "ban", "192.0.2.1", "1h"]).code, 0);
    let shown = limiter(&["--storage", &uri, "client", "192.0.2.1", "--json"]);
    assert_eq!((shown.code, &shown.json()["stored"]), (1, &Value::Null), "{shown:?}");
}

#[test]
fn what_fails_without_a_running_limiter_has_its_own_code() {
    let nowhere = format!("redis://:secret@127.0.0.1:{}", free_port());
    let folder = Folder::new(&[("bad.toml", b"application_limits = '2/fortnight'")]);
    let bad = folder.path().join("bad.toml").display().to_string();
    for (arguments, code, error) in [
        (&["--storage", &*nowhere, "bans"][..], 4, "storage: "),
        (&["--storage", "memory://", "bans"], 2, "expected a storage on a server"),
        (&["--storage", "postgres://secret@host", "bans"], 2, "expected `memory`, `redis`"),
        (&["--storage", "redis", "bans"], 2, "expected an address"),
        (&["--storage", &nowhere, "limits"], 2, "expected client, clear"),
        (&["check", &bad, "--storage", &nowhere], 2, "expected client, clear"),
        (&["bans", "--prefix", "shop"], 2, "expected --storage or --settings"),
        (&["bans", "--settings", &bad], 1, "fortnight"),
        (&["bans", "--settings", "missing.toml"], 1, "missing.toml"),
        (&["bans", "--storage", &nowhere, "--inspector", "http://127.0.0.1:1"], 2, "not both"),
        (&["bans"], 2, "or that of a storage"),
    ] {
        let run = limiter(arguments);
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{arguments:?}: {run:?}");
        assert!(run.errors.contains(error) && !run.errors.contains("secret"), "{arguments:?}: {run:?}");
    }
    let both = [("LIMITER_INSPECTOR", "http://127.0.0.1:1"), ("LIMITER_STORAGE", &*nowhere)];
    let run = limiter_with(&["bans"], &both);
    assert!(run.code == 2 && run.errors.contains("expected one of"), "{run:?}");
}
