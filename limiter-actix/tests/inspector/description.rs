//! Compares the interface with its description, `openapi.json`.

use actix_web::test::init_service;
use limiter_actix::Limiter;
use limiter_test_support::app::{ask, get as status_of};
use serde_json::Value;

use crate::{app, build, change, change_request, view, view_as};

/// Returns the differences between a value and its schema.
fn differences(value: &Value, schema: &Value, all: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = all.pointer(name.trim_start_matches('#')).expect("a schema of the description");
        return differences(value, target, all, at);
    }
    if let Some(several) = schema["oneOf"].as_array() {
        let fits = several.iter().filter(|one| differences(value, one, all, at).is_empty()).count();
        return if fits == 1 { Vec::new() } else { vec![format!("{at}: fits {fits} schemas: {value}")] };
    }
    if let Some(expected) = schema.get("const") {
        return if value == expected { Vec::new() } else { vec![format!("{at}: expected {expected}")] };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        one => vec![one.clone()],
    };
    let mut found = Vec::new();
    if !kinds.contains(&kind.into()) {
        found.push(format!("{at}: {kind}, expected {kinds:?}"));
    }
    if let Some(known) = schema["enum"].as_array()
        && !known.contains(value)
    {
        found.push(format!("{at}: unexpected {value}"));
    }
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found.extend(differences(item, &schema["items"], all, &format!("{at}[{index}]")));
            }
        }
        Value::Object(fields) => {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !fields.contains_key(name) {
                    found.push(format!("{at}: no {name}"));
                }
            }
            for (name, field) in fields {
                match schema["properties"].get(name) {
                    Some(schema) => found.extend(differences(field, schema, all, &format!("{at}.{name}"))),
                    None => found.push(format!("{at}: {name} is not described")),
                }
            }
        }
        _ => {}
    }
    found
}

fn schema<'d>(description: &'d Value, path: &str, method: &str, status: &str) -> &'d Value {
    let content = &description["paths"][path][method]["responses"][status]["content"];
    &content["application/json"]["schema"]
}

#[actix_web::test]
async fn answers_are_as_described() {
    let limiter = build(Limiter::builder().default_limits("100/day").top_clients(true).meta_limits("5/hour"));
    let app = init_service(app(&limiter)).await;
    let description = view(&app, "openapi.json").await;
    for expected in [200, 200, 429] {
        assert_eq!(status_of(&app, "/search").await, expected);
    }
    let ban = r#"{"action": "ban", "client": "192.0.2.0/24", "seconds": 60, "reason": "x"}"#;
    assert_eq!(change(&app, ban).await.0, 200);
    let mut seen = 0;
    for (name, query) in [
        ("overview", ""),
        ("limits", ""),
        ("settings", ""),
        ("client", "?client=127.0.0.1"),
        ("client", "?client=192.0.2.1"),
        ("client", "?client=127.0.0.1&stored=true"),
        ("top", ""),
        ("bans", ""),
        ("openapi.json", ""),
    ] {
        let answer = view(&app, &format!("{name}{query}")).await;
        let schema = schema(&description, &format!("/api/v1/{name}"), "get", "200");
        assert!(schema.is_object(), "{name} is not described");
        if name != "openapi.json" {
            assert_eq!(differences(&answer, schema, &description, name), [""; 0]);
        }
        seen += 1;
    }
    // The client three times; events and changes are compared below and elsewhere.
    assert_eq!(description["paths"].as_object().map(serde_json::Map::len), Some(seen - 2 + 2));
    let error: Value = serde_json::from_str(&view_as(&app, "viewer", "client").await.body).expect("JSON");
    let described = schema(&description, "/api/v1/client", "get", "400");
    assert_eq!(differences(&error, described, &description, "error"), [""; 0]);
}

#[actix_web::test]
async fn changes_are_as_described() {
    let limiter = build(Limiter::builder().default_limits("100/day"));
    let app = init_service(app(&limiter)).await;
    assert_eq!(status_of(&app, "/plain").await, 200);
    let description = view(&app, "openapi.json").await;
    let of_body = &description["components"]["schemas"]["Change"];
    let bodies = [
        r#"{"action": "clear", "client": "a"}"#,
        r#"{"action": "ban", "client": "a", "seconds": 60}"#,
        r#"{"action": "ban", "client": "a", "seconds": 60, "reason": "x"}"#,
        r#"{"action": "unban", "client": "a"}"#,
        r#"{"action": "allow", "client": "a", "seconds": 60}"#,
        r#"{"action": "disallow", "client": "a"}"#,
        r#"{"action": "switch", "enabled": true}"#,
        r#"{"action": "shadow", "limit": "100 per 1 day (default_limits)", "shadow": true}"#,
        r#"{"action": "shadow", "limit": "100 per 1 day (default_limits)", "shadow": null}"#,
    ];
    for body in bodies {
        let sent: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(differences(&sent, of_body, &description, "change"), [""; 0], "{body}");
        let (status, changed) = change(&app, body).await;
        assert_eq!(status, 200, "{body}: {changed}");
        let described = schema(&description, "/api/v1/changes", "post", "200");
        assert_eq!(differences(&changed, described, &description, "changed"), [""; 0]);
    }
    let actions = of_body["oneOf"].as_array().expect("changes").iter();
    for action in actions.map(|change| change["properties"]["action"]["const"].clone()) {
        assert!(bodies.iter().any(|body| body.contains(&action.to_string())), "{action} is not tried");
    }
    for (request, status) in [
        (change_request("{}"), "400"),
        (change_request("{}").insert_header(("x-operator", "viewer")), "403"),
        (change_request("{}").insert_header(("content-type", "text/plain")), "415"),
        (change_request("{}").insert_header(("host", "evil.example")), "421"),
    ] {
        let answer = ask(&app, request).await;
        assert_eq!(answer.status.to_string(), status);
        let error: Value = serde_json::from_str(&answer.body).expect("JSON");
        let described = schema(&description, "/api/v1/changes", "post", status);
        assert_eq!(differences(&error, described, &description, "error"), [""; 0]);
    }
}
