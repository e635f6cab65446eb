//! Random apps and requests.

use proptest::{
    collection::vec,
    option::{of, weighted},
    prelude::*,
    sample::select,
};

use crate::{
    description::{
        App, At, Case, Guard, Inner, Kind, Lift, Limit, Path, PatternRule, Place, Request, Resource, Rewrite,
        Route, Rule, Scope, Settings, Spelling, Step, Verb,
    },
    palette,
};

pub(crate) fn case() -> impl Strategy<Value = Case> {
    (app(), any::<bool>(), vec(step(), 1..12)).prop_map(|(app, certain_only, steps)| Case {
        app,
        certain_only,
        steps,
    })
}

fn app() -> impl Strategy<Value = App> {
    let middleware = (
        weighted(0.1, select(&[Rewrite::Trim, Rewrite::TakeOff][..])),
        weighted(0.15, rewrite()),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
    );
    (settings(), vec(given(), 0..3), middleware, any::<bool>(), vec(place(), 0..5)).prop_map(
        |(limiter, given, (outside, inside, defers, denies), default, places)| App {
            limiter,
            given,
            outside,
            inside,
            defers,
            denies,
            default,
            places,
        },
    )
}

fn rewrite() -> impl Strategy<Value = Rewrite> {
    select(&[Rewrite::Trim, Rewrite::MergeOnly, Rewrite::Always, Rewrite::TakeOff, Rewrite::TakeOff][..])
}

fn settings() -> impl Strategy<Value = Settings> {
    let seldom = || prop::bool::weighted(0.2);
    (of(1..6_u64), of(1..4_u64), seldom(), seldom(), seldom()).prop_map(
        |(application, defaults, per_method, not_on_unmatched, has_filter)| Settings {
            application,
            defaults,
            per_method,
            not_on_unmatched,
            has_filter,
        },
    )
}

fn place() -> impl Strategy<Value = Place> {
    let leaf = prop_oneof![
        3 => resource().prop_map(Place::At),
        3 => route().prop_map(Place::By),
        4 => (0..palette::LEN).prop_map(Place::Fn),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let limits = (any::<bool>(), weighted(0.5, rule()), inner_limiter());
        (prefix(), guard(), limits, any::<bool>(), vec(inner, 0..4)).prop_map(
            |(prefix, guard, (early, rule, limiter), default, places)| {
                Place::In(Scope { prefix, guard, early, rule, limiter, default, places })
            },
        )
    })
}

fn prefix() -> impl Strategy<Value = &'static str> {
    select(&["/a", "/a", "/b", "/a/b", "/x", "", "/{p}"][..])
}

fn pattern() -> impl Strategy<Value = &'static str> {
    select(&["/x", "/x", "/y", "", "/{id}", "/x/{id}", "/a", "/a/x", "/b/y", "/{tail:.*}"][..])
}

fn guard() -> impl Strategy<Value = Option<Guard>> {
    weighted(0.25, select(&[Guard::A, Guard::B][..]))
}

fn verb() -> impl Strategy<Value = Verb> {
    select(&[Verb::Get, Verb::Get, Verb::Get, Verb::Post, Verb::Post, Verb::Put, Verb::Head][..])
}

fn methods() -> impl Strategy<Value = Vec<Verb>> {
    prop_oneof![4 => Just(Vec::new()), 1 => vec(verb(), 1..3)]
}

fn inner_limiter() -> impl Strategy<Value = Option<Inner>> {
    let inner = (any::<bool>(), settings());
    weighted(0.15, inner.prop_map(|(around, it)| if around { Inner::Around(it) } else { Inner::Within(it) }))
}

fn resource() -> impl Strategy<Value = Resource> {
    let patterns = prop_oneof![4 => vec(pattern(), 1), 1 => vec(pattern(), 2..4)];
    (patterns, guard(), vec(verb(), 0..3), any::<bool>(), of(rule()), weighted(0.1, settings())).prop_map(
        |(mut patterns, guard, methods, default, rule, limiter)| {
            if rule.is_some() {
                patterns.truncate(1);
            }
            Resource { patterns, guard, methods, default, rule, limiter }
        },
    )
}

fn route() -> impl Strategy<Value = Route> {
    (pattern(), verb(), guard()).prop_map(|(pattern, method, guard)| Route { pattern, method, guard })
}

fn rule() -> impl Strategy<Value = Rule> {
    let lifts =
        vec(select(&[Lift::All, Lift::All, Lift::Defaults, Lift::Application, Lift::Scopes][..]), 1..3);
    let limits = || vec(limit(), 1..3);
    prop_oneof![
        3 => limits().prop_map(|limits| Rule { lifts: Vec::new(), limits }),
        2 => lifts.clone().prop_map(|lifts| Rule { lifts, limits: Vec::new() }),
        1 => (lifts, limits()).prop_map(|(lifts, limits)| Rule { lifts, limits }),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    let amount = prop_oneof![1 => Just(0), 12 => 1..5_u64, 2 => Just(100)];
    (amount, any::<bool>(), methods(), prop::bool::weighted(0.2))
        .prop_map(|(amount, adds, methods, per_method)| Limit { amount, adds, methods, per_method })
}

fn given() -> impl Strategy<Value = PatternRule> {
    (any::<bool>(), 0..8_usize, methods(), rule()).prop_map(|(is_route, target, methods, rule)| {
        let (at, methods) = if is_route { (At::Route, methods) } else { (At::Scope, Vec::new()) };
        PatternRule { at, target, methods, rule }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        14 => Just(Kind::Whole),
        2 => Just(Kind::Together),
        2 => (1..3_usize).prop_map(Kind::Dropped),
        1 => Just(Kind::Panics),
        1 => Just(Kind::Denied),
    ];
    let request = (path(), verb(), any::<bool>(), any::<bool>()).prop_map(|(path, method, a, b)| Request {
        path,
        method,
        a,
        b,
    });
    (request, kind, 1..7_usize).prop_map(|(request, kind, times)| Step { request, kind, times })
}

fn path() -> impl Strategy<Value = Path> {
    let spelling = prop_oneof![
        12 => Just(Spelling::Plain),
        1 => Just(Spelling::Slash),
        1 => Just(Spelling::Double),
        1 => Just(Spelling::Below),
        1 => Just(Spelling::Longer),
        1 => Just(Spelling::Escaped),
    ];
    let fill = select(&["x", "y", "7"][..]);
    prop_oneof![
        9 => (0..12_usize, fill, spelling).prop_map(|(number, fill, spelling)| Path::Of(number, fill, spelling)),
        1 => select(&["/", "/x", "/a", "/a/x", "/a/b/y", "/unknown", "/v/x"][..]).prop_map(Path::Text),
    ]
}
