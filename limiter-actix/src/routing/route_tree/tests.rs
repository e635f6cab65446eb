//! Compares the tree with the resource map of actix.

use actix_web::{
    App, HttpMessage, HttpResponse,
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};
use proptest::prelude::*;

use super::{Place, RouteTree};
use crate::{Limit, Quota, resource};

/// A part of an app: a resource with its patterns, or a scope.
#[derive(Clone, Debug)]
enum Entry {
    Resource(Vec<String>),
    Scope(String, Vec<Entry>),
}

/// Text that meets other text, parameters of all kinds, and odd text.
fn segment() -> impl Strategy<Value = String> {
    const SEGMENTS: [&str; 13] = [
        "a",
        "b",
        "ab",
        "",
        "{x}",
        "{x:\\d+}",
        "{x:a|b}",
        "a{x}",
        "{x}b",
        "é",
        "\\d",
        "a.b",
        "{x:[^/]{1,2}}",
    ];
    prop::sample::select(&SEGMENTS[..]).prop_map(str::to_owned)
}

/// Names of parameters must not occur twice.
fn joined(segments: &[String], tail: bool) -> String {
    let named = segments.iter().enumerate().map(|(at, segment)| segment.replace("{x", &format!("{{x{at}")));
    let mut pattern: String = named.flat_map(|segment| ["/".to_owned(), segment]).collect();
    if tail {
        pattern.push_str("/{tail}*");
    }
    pattern
}

fn pattern() -> impl Strategy<Value = String> {
    (prop::collection::vec(segment(), 0..4), prop::bool::weighted(0.1))
        .prop_map(|(segments, tail)| joined(&segments, tail))
}

fn part() -> impl Strategy<Value = Entry> {
    let resource = prop::collection::vec(pattern(), 1..3).prop_map(Entry::Resource);
    resource.prop_recursive(2, 24, 6, |inner| {
        let prefix = prop::collection::vec(segment(), 0..3).prop_map(|segments| joined(&segments, false));
        (prefix, prop::collection::vec(inner, 0..6)).prop_map(|(prefix, inside)| Entry::Scope(prefix, inside))
    })
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(&["a", "b", "ab", "", "7", "12", "é", "\\d", "a.b", "axb"][..]);
    prop::collection::vec(segment, 0..6)
        .prop_map(|segments| segments.iter().flat_map(|it| ["/", it]).collect())
}

/// Registers parts in an app or a scope.
macro_rules! register {
    ($at:expr, $part:expr) => {
        $part.iter().fold($at, |at, part| match part {
            Entry::Resource(patterns) if patterns.len() == 1 => at.service(
                web::resource(patterns[0].as_str()).name(&format!("of {}", patterns[0])).to(HttpResponse::Ok),
            ),
            Entry::Resource(patterns) => at.service(web::resource(patterns.clone()).to(HttpResponse::Ok)),
            Entry::Scope(prefix, inside) => at.service(scope(prefix, inside)),
        })
    };
}

fn scope(prefix: &str, part: &[Entry]) -> actix_web::Scope {
    // With a rule, whose beacon stands among the others.
    let limited = resource("/a", Limit::new(Quota::per_hour(1)), |it| it.to(HttpResponse::Ok));
    register!(web::scope(prefix).service(limited), part)
}

/// Returns the pattern of the place that a path leads to without guards.
fn first_pattern(tree: &RouteTree, path: &str) -> Option<String> {
    let first = tree.places(path).first().copied().unwrap_or(Place::Default(0));
    tree.pattern_of(first).map(ToString::to_string)
}

/// Returns the answers of actix and of the tree for each path, and whether the tree could be read.
fn answers(part: &[Entry], paths: &[String]) -> (bool, Vec<[Option<String>; 2]>) {
    actix_web::rt::System::new().block_on(async {
        let paths = paths.to_vec();
        let app = register!(App::new(), part).wrap_fn(move |req, _| {
            let map = req.resource_map();
            let tree = RouteTree::of(map);
            let found = |path: &String| tree.as_ref().and_then(|tree| first_pattern(tree, path));
            let both: Vec<_> = paths.iter().map(|path| [map.match_pattern(path), found(path)]).collect();
            let response = req.into_response(HttpResponse::Ok().finish());
            response.request().extensions_mut().insert((tree.is_some(), both));
            async move { Ok::<ServiceResponse, actix_web::Error>(response) }
        });
        let app = init_service(app).await;
        let response = app.call(TestRequest::get().to_request()).await.expect("it answers");
        response.request().extensions_mut().remove().expect("the middleware left its answers")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_finds_what_actix_finds(
        part in prop::collection::vec(part(), 0..8),
        paths in prop::collection::vec(path(), 1..40),
    ) {
        let (is_read, answers) = answers(&part, &paths);
        prop_assert!(is_read, "this version of actix prints its resource map in another way");
        for (path, [expected, found]) in paths.iter().zip(answers) {
            prop_assert_eq!(found, expected, "{}", path);
        }
    }
}
