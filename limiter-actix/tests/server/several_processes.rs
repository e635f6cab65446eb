//! Counts in memory where the environment declares several processes.

use std::{env, process::Command};

use actix_web::{App, test::init_service};
use limiter_actix::{Limiter, LimiterBuilder};
use limiter_test_support::log;

/// Set in a process that this test runs for the sake of its environment: which limiter it is to use.
const TASK: &str = "LIMITER_TEST_LIMITER";

fn limiter(which: &str) -> LimiterBuilder {
    let limiter = Limiter::builder().default_limits("5/minute");
    match which {
        "memory" => limiter,
        "on purpose" => limiter.per_process(true),
        other => panic!("no limiter is called {other}"),
    }
}

/// Is such a process: uses the limiter in two apps, as two workers would, and prints the log.
#[actix_web::test]
async fn builds_a_limiter_as_one_of_several_processes() {
    let Ok(which) = env::var(TASK) else { return };
    log::capture();
    let limiter = limiter(&which).build().expect("a limiter");
    for _ in 0..2 {
        drop(init_service(App::new().wrap(limiter.clone())).await);
    }
    println!("said: {:?}", log::everywhere("L030"));
}

/// The log of this limiter where the variable is set.
fn said(which: &str, variable: &str, value: &str) -> Vec<String> {
    let mut process = Command::new(env::current_exe().expect("this program"));
    process
        .args(["--exact", "several_processes::builds_a_limiter_as_one_of_several_processes", "--nocapture"])
        .env_clear();
    let output = process.env(TASK, which).env(variable, value).output().expect("it runs");
    let output = String::from_utf8(output.stdout).expect("text");
    let (_, said) = output.split_once("said: ").expect(&output);
    let line = said.lines().next().unwrap_or_default();
    serde_json::from_str(line).expect("a list of texts")
}

#[test]
fn several_processes_are_logged_once_with_the_variable() {
    let said = said("memory", "WEB_CONCURRENCY", "4");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("WARN") && said[0].contains("WEB_CONCURRENCY"), "{said:?}");
}

#[test]
fn one_process_and_explicit_memory_log_nothing() {
    for (which, value) in [("memory", "1"), ("on purpose", "4")] {
        assert_eq!(said(which, "WEB_CONCURRENCY", value), Vec::<String>::new(), "{which}, {value}");
    }
}
