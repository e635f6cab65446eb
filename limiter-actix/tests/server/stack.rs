//! The files of `examples/stack`: they parse, fit together, and query metrics that exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

/// The source with the names of all metrics.
const NAMES: &str = include_str!("../../src/telemetry/metrics/names.rs");

const HISTOGRAM: &str = "limiter_decision_seconds";

/// The labels of the library and of Prometheus.
const LABELS: [&str; 8] = ["route", "limit", "outcome", "decided_by", "prefix", "le", "instance", "job"];

fn stack(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/stack").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(stack(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Yaml {
    let mut documents =
        YamlLoader::load_from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

fn dashboard() -> Value {
    serde_json::from_str(&read("grafana/dashboards/limiter.json")).expect("JSON")
}

/// Returns the texts of a list.
fn texts(list: &Yaml) -> Vec<String> {
    let list = list.as_vec().unwrap_or_else(|| panic!("expected a list: {list:?}"));
    list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// Returns the names of the metrics that the library reports, as Prometheus has them.
fn metrics() -> BTreeSet<String> {
    let constants = NAMES.lines().filter(|line| line.starts_with("pub(super) const "));
    let mut names: BTreeSet<String> =
        constants.filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect();
    assert!(names.remove(HISTOGRAM) && names.len() == 10, "{names:?}");
    names.extend(["bucket", "sum", "count"].map(|part| format!("{HISTOGRAM}_{part}")));
    names
}

/// Splits an expression into words, the texts in quotes left out.
fn words(expression: &str) -> Vec<String> {
    let outside: String = expression.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '$';
    outside.split(|char| !is_word(char)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Functions and keywords of `PromQL` in the files.
const PROMQL: [&str; 10] =
    ["sum", "max", "rate", "increase", "histogram_quantile", "topk", "by", "up", "and", "or"];

/// Returns the faults of an expression.
fn faults(expression: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        if expression.matches(open).count() != expression.matches(close).count() {
            faults.push(format!("unbalanced {open}{close}"));
        }
    }
    let metrics = metrics();
    for word in words(expression) {
        let is_number = word.starts_with(|first: char| first.is_ascii_digit());
        let is_known = metrics.contains(&word)
            || LABELS.contains(&&*word)
            || PROMQL.contains(&&*word)
            || word == "$__rate_interval"
            || is_number;
        if !is_known {
            faults.push(format!("unknown word {word}"));
        }
    }
    let outcomes = ["allowed", "shadow_refused", "refused", "undecided", "banned", "reserved"];
    for value in expression.split("outcome=\"").skip(1) {
        let value = value.split('"').next().unwrap_or_default();
        if !outcomes.contains(&value) {
            faults.push(format!("unknown outcome {value}"));
        }
    }
    faults
}

#[test]
fn faults_of_expressions_are_found() {
    assert_eq!(
        faults("sum(rate(limiter_requests_total{outcome=\"refused\"}[5m])) > 0.2"),
        Vec::<String>::new()
    );
    for wrong in [
        "limiter_request_total",
        "limiter_decision_seconds",
        "sum by (client) (limiter_memory_keys)",
        "rate(limiter_requests_total[5m]",
        "limiter_requests_total{outcome=\"denied\"}",
    ] {
        assert_eq!(faults(wrong).len(), 1, "{wrong}: {:?}", faults(wrong));
    }
}

#[test]
fn alert_rules_query_metrics_that_exist() {
    let rules = yaml("prometheus/alerts.yml");
    let mut names = BTreeSet::new();
    for group in rules["groups"].as_vec().expect("groups") {
        for rule in group["rules"].as_vec().expect("rules") {
            let name = rule["alert"].as_str().expect("a name").to_owned();
            let expression = rule["expr"].as_str().expect("an expression");
            assert_eq!(faults(expression), Vec::<String>::new(), "{name}");
            assert!(
                ["critical", "warning"].contains(&rule["labels"]["severity"].as_str().expect("one")),
                "{name}"
            );
            for text in ["summary", "description"] {
                let text = rule["annotations"][text].as_str();
                assert!(text.is_some_and(|text| !text.is_empty()), "{name}");
            }
            assert!(names.insert(name), "each name once");
        }
    }
    assert_eq!(names.len(), 6, "{names:?}");
}

#[test]
fn the_dashboard_shows_all_metrics() {
    let dashboard = dashboard();
    let uid = yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"][0]["uid"].clone();
    let (mut ids, mut used, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("a number")), "{title}: each id once");
        let place = |name: &str| panel["gridPos"][name].as_u64().expect("a number");
        assert!(place("x") + place("w") <= 24, "{title}");
        assert!(taken.insert((place("x"), place("y"))), "{title}: a place of its own");
        for target in panel["targets"].as_array().expect("targets") {
            assert_eq!(target["datasource"]["uid"].as_str(), uid.as_str(), "{title}");
            let expression = target["expr"].as_str().expect("an expression");
            assert_eq!(faults(expression), Vec::<String>::new(), "{title}");
            used.extend(words(expression));
        }
    }
    let mut metrics = metrics();
    metrics.retain(|name| !name.ends_with("_sum") && !name.ends_with("_count"));
    let missing: Vec<_> = metrics.iter().filter(|name| !used.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The files that one names are there, and so are the services.
#[test]
fn the_files_fit_together() {
    let compose = yaml("compose.yml");
    let services = compose["services"].as_hash().expect("services");
    let names: BTreeSet<_> = services.keys().filter_map(Yaml::as_str).collect();
    let mut mounts = BTreeSet::new();
    for (name, service) in services {
        if let Some(waits) = service["depends_on"].as_vec() {
            let is_there = |other: &Yaml| other.as_str().is_some_and(|other| names.contains(other));
            assert!(waits.iter().all(is_there), "{name:?}");
        }
        // Only this machine reaches them.
        let ports = &service["ports"];
        assert!(
            ports.is_badvalue() || texts(ports).iter().all(|port| port.starts_with("127.0.0.1:")),
            "{name:?}"
        );
        if !service["volumes"].is_badvalue() {
            for volume in texts(&service["volumes"]) {
                let mut halves = volume.split(':');
                let (from, to) = (halves.next().expect("a file"), halves.next().expect("a mount"));
                assert!(stack(from).exists() && halves.next() == Some("ro"), "{volume}");
                mounts.insert(to.to_owned());
            }
        }
    }
    let provider = &yaml("grafana/provisioning/dashboards/limiter.yml")["providers"][0];
    assert!(mounts.contains(provider["options"]["path"].as_str().expect("a path")));
    let prometheus = yaml("prometheus/prometheus.yml");
    for file in texts(&prometheus["rule_files"]) {
        assert!(stack("prometheus").join(&file).exists(), "{file}");
    }
    let scraped = &prometheus["scrape_configs"][0];
    assert_eq!(scraped["job_name"].as_str(), Some("limiter"), "the dashboard names it");
    let replicas: BTreeSet<String> = (1..=3).map(|number| format!("replica-{number}:8080")).collect();
    assert_eq!(
        texts(&scraped["static_configs"][0]["targets"]).into_iter().collect::<BTreeSet<_>>(),
        replicas
    );
    let nginx = read("nginx.conf");
    for replica in &replicas {
        assert!(nginx.contains(&format!("server {replica};")), "{replica}");
        assert!(names.contains(replica.split(':').next().expect("a name")), "{replica}");
    }
    let source = yaml("grafana/provisioning/datasources/prometheus.yml");
    let url = source["datasources"][0]["url"].as_str().expect("an address");
    assert_eq!(url, "http://prometheus:9090");
    assert!(names.contains("prometheus") && stack("Dockerfile").exists());
}
