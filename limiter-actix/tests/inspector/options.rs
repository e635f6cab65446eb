//! Compares the settings that the inspector lists with all options of the builder, of files and of the description.

use std::collections::BTreeSet;

use actix_web::test::init_service;
use limiter_actix::{KeyForm, Limiter};
use serde_json::Value;

use crate::{app, build, view};

/// The public interface, which the step `doc` keeps.
const INTERFACE: &str = include_str!("../../interface.txt");

const CONFIGURATION: &str = include_str!("../../../docs/configuration.md");

/// The methods of the builder that are listed under another name.
const LISTED_AS: [(&str, &str); 11] = [
    ("exempt_route", "routes"),
    ("exempt_route_from", "routes"),
    ("exempt_scope", "scopes"),
    ("exempt_scope_from", "scopes"),
    ("fallback_header", "header_names"),
    ("function_deadline", "function_deadline_ms"),
    ("key_async", "key"),
    ("request_filter_async", "request_filter"),
    ("route", "routes"),
    ("scope", "scopes"),
    ("storage", "storage_uri"),
];

/// The methods of the builder that are not listed, with the reason.
const UNLISTED: [(&str, &str); 6] = [
    ("build", "is no setting"),
    ("clock", "is for tests"),
    ("from_env", "is the source of others"),
    ("from_variables", "is the source of others"),
    ("log_secret", "is a secret"),
    ("memory_storage", "is in the overview, with its keys"),
];

async fn listed(limiter: &Limiter) -> BTreeSet<String> {
    let app = init_service(app(limiter)).await;
    let shown = view(&app, "settings").await;
    let all = shown["settings"].as_array().expect("settings");
    let names: Vec<_> = all.iter().map(|setting| setting["name"].as_str().expect("a name")).collect();
    let each: BTreeSet<_> = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(each.len(), names.len(), "each once: {names:?}");
    each
}

/// The methods of the builder, by the public interface.
fn methods() -> impl Iterator<Item = &'static str> {
    let (_, rest) = INTERFACE.split_once("pub struct LimiterBuilder").expect("the builder");
    let lines = rest.lines().take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.trim().strip_prefix("pub fn ")?.split(['(', '<']).next())
}

/// The names in the table of files.
fn names_of_files() -> impl Iterator<Item = &'static str> {
    let (_, rest) = CONFIGURATION.split_once("\n## The file\n").expect("a section");
    let rows = rest.lines().skip_while(|line| !line.starts_with("| `"));
    let cells = rows.take_while(|line| line.starts_with("| `")).filter_map(|row| row.split('|').nth(1));
    cells.flat_map(|cell| cell.split(',').map(|name| name.trim().trim_matches('`')))
}

/// The defect that this prevents: `storage_deadline`, `time_zone`, `local_refusals` and others were not listed.
#[actix_web::test]
async fn each_option_is_listed() {
    let listed = listed(&build(Limiter::builder())).await;
    let as_listed =
        |method| LISTED_AS.iter().find(|(own, _)| *own == method).map_or(method, |(_, name)| *name);
    let methods: Vec<_> = methods().collect();
    assert!(methods.len() > 50, "{methods:?}");
    let is_unlisted = |method: &str| UNLISTED.iter().any(|(own, _)| *own == method);
    for method in methods.iter().filter(|method| !is_unlisted(method)) {
        assert!(listed.contains(as_listed(method)), "the builder's `{method}` is not listed");
    }
    let files: Vec<_> = names_of_files().collect();
    assert!(files.len() > 25, "{files:?}");
    for name in files {
        assert!(listed.contains(name), "`{name}` of files is not listed");
    }
    let known: BTreeSet<_> = methods.iter().map(|method| as_listed(method)).collect();
    for (name, _) in UNLISTED {
        assert!(methods.contains(&name) && !listed.contains(name), "{name}");
    }
    for name in &listed {
        assert!(known.contains(&**name), "`{name}` is no option");
    }
}

#[actix_web::test]
async fn the_description_lists_the_same_names() {
    let limiter = build(Limiter::builder());
    let listed = listed(&limiter).await;
    let app = init_service(app(&limiter)).await;
    let description = view(&app, "openapi.json").await;
    let name = "/components/schemas/Settings/properties/settings/items/properties/name/examples";
    let described = description.pointer(name).and_then(Value::as_array).expect("names");
    let described: BTreeSet<_> = described.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    assert_eq!(described, listed);
}

#[actix_web::test]
async fn each_source_of_a_setting_is_shown() {
    let builder = Limiter::builder()
        .from_variables([
            ("RATELIMIT_STORAGE_DEADLINE", "250 ms"),
            ("RATELIMIT_TIME_ZONE", "+02:00"),
            ("RATELIMIT_HEADER_LIMIT", "X-Limit"),
            ("RATELIMIT_SCOPES", "/health = exempt"),
        ])
        .local_refusals(false)
        .log_addresses(KeyForm::Hidden)
        .log_keys("user", KeyForm::Full)
        .on_ban(|_| None)
        .route("/search", "5/minute");
    let app = init_service(app(&build(builder))).await;
    let shown = view(&app, "settings").await;
    let expected = [
        ("storage_deadline", "250 ms", "environment"),
        ("time_zone", "+02:00", "environment"),
        ("header_names", "x-limit, x-ratelimit-remaining, x-ratelimit-reset, retry-after", "environment"),
        ("scopes", "1 rule", "environment"),
        ("routes", "1 rule", "code"),
        ("local_refusals", "false", "code"),
        ("log_addresses", "hidden", "code"),
        ("log_keys", "user = full", "code"),
        ("on_ban", "function", "code"),
        ("on_breach", "", "default"),
        ("persist", "", "default"),
    ];
    for (name, value, source) in expected {
        let expected = serde_json::json!({ "name": name, "value": value, "source": source });
        let all = shown["settings"].as_array().expect("settings");
        assert!(all.contains(&expected), "{expected}: {shown}");
    }
}

#[actix_web::test]
async fn the_deadline_of_storages_has_a_default() {
    let app = init_service(app(&build(Limiter::builder()))).await;
    let shown = view(&app, "settings").await.to_string();
    assert!(shown.contains(r#"{"name":"storage_deadline","source":"default","value":"100 ms"}"#), "{shown}");
}
