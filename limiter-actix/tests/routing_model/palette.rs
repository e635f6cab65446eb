//! Handlers with route attributes. Each has a bare twin without limits.

use actix_web::{HttpRequest, HttpResponse, get, guard::GuardContext, post, route, web::ServiceConfig};
use limiter_actix::{Limiter, exempt, limit};

use crate::{
    arrive::{Handler, arrive},
    build::limiter,
    description::{Guard, Lift, Limit, Rule, Settings, Verb},
};

/// A handler as the model knows it.
pub(crate) struct AttributeHandler {
    pub(crate) pattern: &'static str,
    pub(crate) methods: &'static [Verb],
    pub(crate) guard: Option<Guard>,
    pub(crate) rule: Option<Rule>,
    pub(crate) limiter: Option<Settings>,
}

fn has_a(context: &GuardContext<'_>) -> bool {
    context.head().headers().contains_key("x-a")
}

fn has_b(context: &GuardContext<'_>) -> bool {
    context.head().headers().contains_key("x-b")
}

/// The limiter on handlers that have one.
fn own() -> Limiter {
    limiter(&own_settings()).build().expect("a limiter")
}

fn own_settings() -> Settings {
    Settings { application: Some(2), ..Settings::default() }
}

/// Declares a handler and its bare twin.
macro_rules! handlers {
    ($($number:literal $limited:ident $bare:ident ($($rule:tt)*) ($($route:tt)*) ($($bare_route:tt)*))*) => {
        $(
            $($rule)*
            $($route)*
            async fn $limited(req: HttpRequest) -> HttpResponse {
                arrive(Handler::Fn($number), req).await
            }

            $($bare_route)*
            async fn $bare(req: HttpRequest) -> HttpResponse {
                arrive(Handler::Fn($number), req).await
            }
        )*

        /// Mounts a handler, or its bare twin.
        pub(crate) fn mount(config: &mut ServiceConfig, number: usize, is_bare: bool) {
            match (number, is_bare) {
                $(
                    ($number, false) => { config.service($limited); }
                    ($number, true) => { config.service($bare); }
                )*
                _ => unreachable!("there are {LEN} handlers"),
            }
        }
    };
}

/// The number of handlers.
pub(crate) const LEN: usize = 13;

handlers! {
    0 limited_x bare_limited_x (#[limit("1/hour")]) (#[get("/x")]) (#[get("/x")])
    1 exempt_x bare_exempt_x (#[exempt]) (#[get("/x")]) (#[get("/x")])
    2 exempt_y bare_exempt_y (#[exempt]) (#[get("/y")]) (#[get("/y")])
    3 adding bare_adding (#[limit("2/hour", override_defaults = false)]) (#[post("/x")]) (#[post("/x")])
    4 exempt_a bare_exempt_a
        (#[exempt(default)]) (#[get("/y", guard = "has_a")]) (#[get("/y", guard = "has_a")])
    5 by_method bare_by_method
        (#[limit("2/hour", methods = ["GET"])])
        (#[route("/y", method = "GET", method = "POST")])
        (#[route("/y", method = "GET", method = "POST")])
    6 exempt_root bare_exempt_root (#[exempt]) (#[get("")]) (#[get("")])
    7 parameter bare_parameter (#[limit("3/hour")]) (#[get("/{id}")]) (#[get("/{id}")])
    8 both_b bare_both_b
        (#[exempt(application)] #[limit("2/hour")])
        (#[get("/x", guard = "has_b")])
        (#[get("/x", guard = "has_b")])
    9 plain_y bare_plain_y () (#[get("/y")]) (#[get("/y")])
    10 own_x bare_own_x (#[limit("1/hour")]) (#[get("/x", wrap = "own()")]) (#[get("/x")])
    11 own_y bare_own_y (#[exempt]) (#[get("/y", wrap = "own()")]) (#[get("/y")])
    12 free_of_scopes bare_free_of_scopes (#[exempt(scopes)]) (#[get("/x")]) (#[get("/x")])
}

/// Describes a handler.
pub(crate) fn describe(number: usize) -> AttributeHandler {
    let get =
        |pattern, rule| AttributeHandler { pattern, methods: &[Verb::Get], guard: None, rule, limiter: None };
    let limit = |amount| Limit { amount, adds: false, methods: Vec::new(), per_method: false };
    let limited = |amount| Some(Rule { lifts: Vec::new(), limits: vec![limit(amount)] });
    let exempt = |lift| Some(Rule { lifts: vec![lift], limits: Vec::new() });
    let own = Some(own_settings());
    match number {
        0 => get("/x", limited(1)),
        1 => get("/x", exempt(Lift::All)),
        2 => get("/y", exempt(Lift::All)),
        3 => {
            let rule = Rule { lifts: Vec::new(), limits: vec![Limit { adds: true, ..limit(2) }] };
            AttributeHandler { methods: &[Verb::Post], ..get("/x", Some(rule)) }
        }
        4 => AttributeHandler { guard: Some(Guard::A), ..get("/y", exempt(Lift::Defaults)) },
        5 => {
            let limits = vec![Limit { methods: vec![Verb::Get], ..limit(2) }];
            let rule = Some(Rule { lifts: Vec::new(), limits });
            AttributeHandler { methods: &[Verb::Get, Verb::Post], ..get("/y", rule) }
        }
        6 => get("", exempt(Lift::All)),
        7 => get("/{id}", limited(3)),
        8 => {
            let rule = Rule { lifts: vec![Lift::Application], limits: vec![limit(2)] };
            AttributeHandler { guard: Some(Guard::B), ..get("/x", Some(rule)) }
        }
        9 => get("/y", None),
        10 => AttributeHandler { limiter: own, ..get("/x", limited(1)) },
        11 => AttributeHandler { limiter: own, ..get("/y", exempt(Lift::All)) },
        12 => get("/x", exempt(Lift::Scopes)),
        _ => unreachable!("there are {LEN} handlers"),
    }
}
