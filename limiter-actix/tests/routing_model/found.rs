//! Cases that were found, made as small as they could be.

use actix_web::rt::System;

use crate::{
    check::Totals,
    description::{
        App, At, Case, Guard, Inner, Kind, Lift, Limit, Path, PatternRule, Place, Request, Resource, Rewrite,
        Route, Rule, Scope, Settings, Step, Verb,
    },
};

/// Plays a case.
fn holds(case: &Case) {
    if let Err(wrong) = crate::play(&System::new(), case, &mut Totals::default()) {
        panic!("{wrong}");
    }
}

/// Plays requests to an app with these places.
fn holds_in(limiter: Settings, places: Vec<Place>, steps: Vec<Step>) {
    let app = App { limiter, places, ..App::default() };
    holds(&Case { app, certain_only: false, steps });
}

fn application(amount: u64) -> Settings {
    Settings { application: Some(amount), ..Settings::default() }
}

fn defaults(amount: u64) -> Settings {
    Settings { defaults: Some(amount), ..Settings::default() }
}

fn limited(amount: u64) -> Rule {
    let limit = Limit { amount, adds: false, methods: Vec::new(), per_method: false };
    Rule { lifts: Vec::new(), limits: vec![limit] }
}

fn exempt() -> Rule {
    Rule { lifts: vec![Lift::All], limits: Vec::new() }
}

fn plain_scope(prefix: &'static str, places: Vec<Place>) -> Scope {
    Scope { prefix, places, ..Scope::default() }
}

fn scope(prefix: &'static str, rule: Rule, places: Vec<Place>) -> Scope {
    Scope { rule: Some(rule), ..plain_scope(prefix, places) }
}

fn resource(patterns: &[&'static str]) -> Place {
    Place::At(Resource { patterns: patterns.to_vec(), ..Resource::default() })
}

fn one(pattern: &'static str) -> Resource {
    Resource { patterns: vec![pattern], ..Resource::default() }
}

fn get_route(pattern: &'static str) -> Place {
    Place::By(Route { pattern, method: Verb::Get, guard: None })
}

/// Some requests for a path.
fn to(method: Verb, path: &'static str) -> Step {
    let request = Request { path: Path::Text(path), method, a: false, b: false };
    Step { request, kind: Kind::Whole, times: 9 }
}

fn get(path: &'static str) -> Step {
    to(Verb::Get, path)
}

#[test]
fn a_scope_that_is_exempt_from_a_closed_one_answers_by_its_default_service() {
    let rule = Rule { lifts: vec![Lift::Scopes], limits: Vec::new() };
    let inner = scope("/a", rule, Vec::new());
    let outer = scope("/a", limited(0), vec![Place::In(inner)]);
    holds_in(Settings::default(), vec![Place::In(outer)], vec![get("/a/a")]);
}

#[test]
fn an_exempt_scope_answers_when_unmatched_paths_have_spent_the_defaults() {
    let places = vec![Place::In(scope("/b", exempt(), Vec::new()))];
    holds_in(defaults(1), places, vec![get("/"), get("/b")]);
}

#[test]
fn a_limited_scope_answers_by_its_default_service_when_the_defaults_are_spent() {
    let places = vec![Place::In(scope("/a", limited(1), Vec::new()))];
    holds_in(defaults(1), places, vec![get("//a"), get("/a")]);
}

#[test]
fn a_limiter_on_an_empty_limited_scope_decides_it() {
    let around = Inner::Around(Settings::default());
    let scope = Scope { limiter: Some(around), ..scope("/a", limited(2), Vec::new()) };
    holds_in(defaults(1), vec![Place::In(scope)], vec![get("/a")]);
}

#[test]
fn an_exempt_handler_with_a_limiter_of_its_own_is_exempt() {
    let places = vec![Place::In(plain_scope("/a", vec![Place::Fn(11)]))];
    holds_in(Settings::default(), places, vec![get("/a/y")]);
}

#[test]
fn a_closed_resource_is_closed_at_its_second_pattern() {
    let given = PatternRule { at: At::Route, target: 0, methods: Vec::new(), rule: limited(0) };
    let places = vec![Place::In(plain_scope("/a", vec![resource(&["/x", "/y"])]))];
    let app = App { given: vec![given], places, ..App::default() };
    holds(&Case { app, certain_only: false, steps: vec![get("/a/y")] });
}

#[test]
fn an_exempt_scope_with_a_limiter_around_lifts_what_the_app_declares() {
    let inner = plain_scope("/a", vec![Place::Fn(7)]);
    let outer = Scope {
        limiter: Some(Inner::Around(Settings::default())),
        ..scope("", exempt(), vec![Place::In(inner)])
    };
    holds_in(application(1), vec![get_route("/x"), Place::In(outer)], vec![get("/a/x")]);
}

#[test]
fn a_guarded_exempt_scope_frees_one_request_that_it_does_not_let_in() {
    let guarded = Scope { guard: Some(Guard::A), ..scope("/a", exempt(), vec![get_route("/x")]) };
    holds_in(application(1), vec![Place::In(guarded)], vec![get("/a/x")]);
}

#[test]
fn a_guarded_scope_with_two_routes_of_a_pattern_frees_one_request() {
    let inside = vec![resource(&["/x"]), resource(&["/x"])];
    let guarded = Scope { guard: Some(Guard::B), ..scope("/a", exempt(), inside) };
    holds_in(defaults(1), vec![Place::In(guarded)], vec![get("/a/x")]);
}

#[test]
fn an_exempt_handler_in_a_guarded_scope_frees_one_request() {
    let guarded = Scope { guard: Some(Guard::A), ..plain_scope("/a", vec![Place::Fn(6)]) };
    holds_in(application(1), vec![Place::In(guarded)], vec![get("/a")]);
}

#[test]
fn a_limited_handler_in_a_guarded_scope_limits_nothing_else() {
    let guarded = Scope { guard: Some(Guard::B), ..plain_scope("/a", vec![Place::Fn(0)]) };
    holds_in(Settings::default(), vec![Place::In(guarded)], vec![get("/a/x")]);
}

#[test]
fn a_closed_guarded_resource_leaves_the_one_before_it_open() {
    let closed = Resource {
        patterns: vec!["/x"],
        guard: Some(Guard::A),
        rule: Some(limited(0)),
        ..Resource::default()
    };
    holds_in(Settings::default(), vec![get_route("/x"), Place::At(closed)], vec![get("/x")]);
}

#[test]
fn a_method_that_nothing_takes_is_counted_somewhere() {
    let settings = Settings { not_on_unmatched: true, ..defaults(1) };
    holds_in(settings, vec![get_route("/x")], vec![to(Verb::Post, "/x"), get("/x/")]);
}

#[test]
fn a_handler_for_another_method_hides_no_handler_in_a_closed_scope() {
    let rule = Rule { lifts: vec![Lift::All], ..limited(0) };
    let closed = scope("/a", rule, vec![Place::Fn(3), Place::Fn(7)]);
    let places = vec![Place::In(plain_scope("/{p}", vec![Place::In(closed)]))];
    holds_in(Settings::default(), places, vec![get("/x/a/x")]);
}

#[test]
fn a_handler_for_another_method_hides_no_resource_from_the_outer_limiter() {
    let limited = Resource { patterns: vec!["/x"], rule: Some(limited(2)), ..Resource::default() };
    let inner = Scope {
        limiter: Some(Inner::Within(Settings::default())),
        ..plain_scope("/a", vec![Place::Fn(7), Place::At(limited)])
    };
    holds_in(defaults(1), vec![Place::In(inner)], vec![to(Verb::Post, "/a/x")]);
}

#[test]
fn an_exempt_resource_with_a_limiter_is_exempt_behind_another_path() {
    let own = Resource { rule: Some(exempt()), limiter: Some(Settings::default()), ..one("/{id}") };
    let places = vec![
        Place::In(plain_scope("/b", vec![resource(&["/x"])])),
        Place::In(plain_scope("/a", vec![Place::At(own), resource(&["/a"])])),
    ];
    let app = App { limiter: application(1), inside: Some(Rewrite::TakeOff), places, ..App::default() };
    let once = Step { times: 1, ..get("/v/a/x") };
    holds(&Case { app, certain_only: false, steps: vec![once, get("/b")] });
}

#[test]
fn an_exemption_around_a_limiter_does_not_lift_its_defaults_beside_a_twin() {
    let own = Resource { limiter: Some(defaults(1)), ..one("/x") };
    let inner = scope("/a", exempt(), vec![Place::At(own), Place::Fn(0), resource(&["/x"])]);
    let places = vec![Place::In(plain_scope("/a", vec![Place::In(inner)]))];
    holds_in(Settings::default(), places, vec![get("/a/a/x")]);
}

#[test]
fn an_exemption_inside_a_limiter_further_in_lifts_what_the_app_declares() {
    let inner = scope("", exempt(), Vec::new());
    let outer = Scope {
        limiter: Some(Inner::Within(Settings::default())),
        ..plain_scope("/{p}", vec![Place::In(inner)])
    };
    let places = vec![get_route("/x"), Place::In(outer)];
    holds_in(application(1), places, vec![to(Verb::Post, "/x")]);
}

#[test]
fn an_exemption_by_pattern_frees_one_request_that_is_rewritten_away() {
    let given = PatternRule { at: At::Route, target: 0, methods: Vec::new(), rule: exempt() };
    let app = App {
        limiter: application(1),
        given: vec![given],
        inside: Some(Rewrite::Always),
        places: vec![resource(&["/x"])],
        ..App::default()
    };
    let together = Step { kind: Kind::Together, ..get("/x") };
    for step in [get("/x"), together] {
        holds(&Case { app: app.clone(), certain_only: false, steps: vec![step] });
    }
}

#[test]
fn an_exemption_by_pattern_does_not_follow_a_path_that_leads_to_another_route() {
    let given = PatternRule { at: At::Route, target: 1, methods: Vec::new(), rule: exempt() };
    let places = vec![Place::In(plain_scope("/a", vec![get_route("/{tail:.*}"), resource(&["/x"])]))];
    let app = App {
        limiter: application(1),
        given: vec![given],
        inside: Some(Rewrite::Always),
        places,
        ..App::default()
    };
    holds(&Case { app, certain_only: false, steps: vec![get("/a/x")] });
}

#[test]
fn an_exemption_by_pattern_for_one_method_is_not_doubted_by_another() {
    let given = PatternRule { at: At::Route, target: 0, methods: vec![Verb::Get], rule: exempt() };
    let rule = Rule { lifts: vec![Lift::All], ..limited(1) };
    let places = vec![Place::In(scope("/a", rule, vec![get_route("/{id}")]))];
    let app = App { given: vec![given], places, ..App::default() };
    holds(&Case { app, certain_only: false, steps: vec![get("/a/x"), to(Verb::Post, "/a/x"), get("/a/x")] });
}

#[test]
fn a_limit_by_pattern_holds_at_a_route_behind_another() {
    for amount in [0, 1] {
        let given = PatternRule { at: At::Route, target: 1, methods: Vec::new(), rule: limited(amount) };
        let guarded = Place::By(Route { pattern: "/{id}", method: Verb::Get, guard: Some(Guard::A) });
        let places = vec![Place::In(plain_scope("/a", vec![guarded, get_route("/x")]))];
        let app = App { given: vec![given], places, ..App::default() };
        holds(&Case { app, certain_only: false, steps: vec![get("/a/x")] });
    }
}

#[test]
fn a_request_that_no_guard_lets_in_reserves_no_defaults_that_do_not_apply() {
    let inside = vec![Place::In(plain_scope("/a", vec![resource(&["/x"])]))];
    let guarded = Scope { guard: Some(Guard::A), ..scope("/b", limited(1), inside) };
    let settings = Settings { not_on_unmatched: true, ..defaults(1) };
    let places = vec![Place::In(plain_scope("/a", vec![resource(&["/x"])])), Place::In(guarded)];
    holds_in(settings, places, vec![get("/b/a/x"), get("/a")]);
}

/// A request that hangs behind a limiter further in, which decides the rule that exempts it, is not charged twice.
#[test]
fn a_dropped_request_is_exempt_behind_a_limiter_further_in() {
    for has_filter in [true, false] {
        let rule = Rule { lifts: vec![Lift::All], ..limited(1) };
        let inner = Scope {
            limiter: Some(Inner::Within(Settings::default())),
            ..plain_scope("/a", vec![Place::At(Resource { rule: Some(rule), ..one("") })])
        };
        let dropped = Step { kind: Kind::Dropped(1), times: 2, ..get("/a") };
        let app = App {
            limiter: Settings { has_filter, ..application(1) },
            places: vec![Place::In(inner)],
            ..App::default()
        };
        holds(&Case { app, certain_only: false, steps: vec![dropped, Step { times: 1, ..get("/a/") }] });
    }
}

/// The outer limiter moved its charge there after each response, and refused nothing.
#[test]
fn defaults_hold_in_a_twin_of_a_guarded_scope_with_a_limiter() {
    let guarded = Scope { guard: Some(Guard::A), ..plain_scope("/a/b", vec![get_route("/{id}")]) };
    let twin = Scope {
        limiter: Some(Inner::Around(Settings::default())),
        ..scope("/a/b", limited(0), vec![Place::Fn(12)])
    };
    holds_in(defaults(1), vec![Place::In(guarded), Place::In(twin)], vec![get("/a/b/x")]);
}

#[test]
fn a_dropped_request_is_exempt_in_a_twin_with_a_limiter() {
    let rule = Resource { rule: Some(exempt()), ..one("/y") };
    let inner = Scope {
        limiter: Some(Inner::Within(Settings::default())),
        ..plain_scope("/x", vec![Place::At(rule)])
    };
    let places = vec![Place::In(inner), Place::In(plain_scope("/x", Vec::new()))];
    let dropped = Step { kind: Kind::Dropped(1), times: 1, ..get("/x/y") };
    holds_in(application(1), places, vec![dropped]);
}
