//! The table of the contract, each row measured through an app: default d, application a; scope P holds C holds
//! D, with limits 2, 3, 4.

use actix_web::web::{self, ServiceConfig};
use limiter_actix::{Exempt, LimiterBuilder, Limits, Rule, ScopeExt};
use limiter_test_support::play::{page, ruled};

use crate::probe::{applies, limit};

/// Declarations, and the limits that apply to a route directly in P, in C, in D.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str, &str)] = &[
    // declared                                              P        C          D
    ("nothing",                                              "a d",   "a d",     "a d"),
    ("P 2 override",                                         "a 2",   "a 2",     "a 2"),
    ("P 2 no override",                                      "a d 2", "a d 2",   "a d 2"),
    ("P 2 override, C 3 override",                           "a 2",   "a 3",     "a 3"),
    ("P 2 override, C 3 no override",                        "a 2",   "a d 2 3", "a d 2 3"),
    ("P 2 no override, C 3 override",                        "a d 2", "a 3",     "a 3"),
    ("all no override",                                      "a d 2", "a d 2 3", "a d 2 3 4"),
    ("P 2 override, C 3 no override, D 4 override",          "a 2",   "a d 2 3", "a 4"),
    ("exempt P",                                             "-",     "-",       "-"),
    ("exempt P from default",                                "a",     "a",       "a"),
    ("exempt P from application",                            "d",     "d",       "d"),
    ("exempt C",                                             "a d",   "-",       "-"),
    ("P 2 override, exempt C",                               "a 2",   "-",       "-"),
    ("P 2 override, exempt C from default and application",  "a 2",   "2",       "2"),
    ("P 2 override, exempt C from scopes",                   "a 2",   "a d",     "a d"),
    ("P 2 override, exempt P",                               "2",     "2",       "2"),
    ("exempt C, C 3 override",                               "a d",   "3",       "3"),
    ("P 2 override, exempt C, D 4 no override",              "a 2",   "-",       "4"),
];

/// Declarations, and the limits that apply to a route directly in P, and to one with a rule of its own.
#[rustfmt::skip]
const ROUTES: &[(&str, &str, &str)] = &[
    // declared                                              P        the route
    ("P 2 override; a route in it with 5 no override",       "a 2",   "a d 2 5"),
    ("P 2 override; a route in it exempt",                   "a 2",   "-"),
    ("P 2 no override; a route in it exempt from default",   "a d 2", "a 2"),
];

#[test]
fn limits_of_scopes() {
    let mut wrong = Vec::new();
    for (declared, p, c, d) in TABLE {
        let asked = [("GET /p/x", "", *p), ("GET /p/c/x", "", *c), ("GET /p/c/d/x", "", *d)];
        let rules = Declarations::read(declared);
        let standing = applies(|it| it, |app| rules.mount(app), &asked);
        wrong.extend(standing.iter().map(|wrong| format!("{declared}: {wrong}")));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn limits_of_scopes_given_by_pattern() {
    let mut wrong = Vec::new();
    for (declared, p, c, d) in TABLE.iter().filter(|(declared, ..)| !declared.contains("from")) {
        let asked = [("GET /p/x", "", *p), ("GET /p/c/x", "", *c), ("GET /p/c/d/x", "", *d)];
        let rules = Declarations::read(declared);
        let given = applies(|it| rules.give(it), |app| Declarations::default().mount(app), &asked);
        wrong.extend(given.iter().map(|wrong| format!("{declared}: {wrong}")));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn limits_of_routes() {
    let mut wrong = Vec::new();
    for (declared, p, route) in ROUTES {
        let asked = [("GET /p/x", "", *p), ("GET /p/own", "", *route)];
        let rules = Declarations::read(declared);
        let standing = applies(|it| it, |app| rules.mount(app), &asked);
        wrong.extend(standing.iter().map(|wrong| format!("{declared}: {wrong}")));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The rules of an app, by their place.
#[derive(Default)]
struct Declarations {
    /// On P, C and D.
    scopes: [Rules; 3],
    route: Rules,
}

/// Exemptions and limits, in their order.
#[derive(Clone, Default)]
struct Rules {
    exempt: Option<Exempt>,
    limits: Vec<limiter_actix::Limit>,
}

impl Declarations {
    /// Reads the first column.
    fn read(text: &str) -> Self {
        let mut declared = Self::default();
        match text {
            "nothing" => {}
            "all no override" => declared.add_all("P 2 no override, C 3 no override, D 4 no override"),
            _ => declared.add_all(text),
        }
        declared
    }

    fn add_all(&mut self, text: &str) {
        text.split([',', ';']).for_each(|part| self.add(part.trim()));
    }

    fn add(&mut self, part: &str) {
        if let Some(own) = part.strip_prefix("a route in it ") {
            match own.strip_prefix("with ") {
                Some(limited) => self.route.limit(limited),
                None => self.route.exempt(own.strip_prefix("exempt").expect("a limit or an exemption")),
            }
        } else if let Some(exempt) = part.strip_prefix("exempt ") {
            let (place, what) = exempt.split_at(1);
            self.scope(place).exempt(what);
        } else {
            let (place, limited) = part.split_at(1);
            self.scope(place).limit(limited.trim());
        }
    }

    fn scope(&mut self, name: &str) -> &mut Rules {
        let index = ["P", "C", "D"].iter().position(|it| *it == name).expect("P, C or D");
        &mut self.scopes[index]
    }

    /// Puts the rules on the scopes and the route.
    fn mount(&self, app: &mut ServiceConfig) {
        let [p, c, d] = &self.scopes;
        mount(app, "/p", p, |app| {
            app.service(page("/x", "x"));
            if let Some(rule) = self.route.rule() {
                app.service(ruled("/own", rule, "own"));
            }
            mount(app, "/c", c, |app| {
                app.service(page("/x", "x"));
                mount(app, "/d", d, |app| {
                    app.service(page("/x", "x"));
                });
            });
        });
    }

    /// Gives the rules to the limiter, by the prefixes of the scopes.
    fn give(&self, mut builder: LimiterBuilder) -> LimiterBuilder {
        for (prefix, given) in ["/p", "/p/c", "/p/c/d"].into_iter().zip(&self.scopes) {
            if given.exempt.is_some() {
                builder = builder.exempt_scope(prefix);
            }
            if !given.limits.is_empty() {
                builder = builder.scope(prefix, given.limits.clone());
            }
        }
        builder
    }
}

fn mount(app: &mut ServiceConfig, prefix: &str, given: &Rules, inside: impl FnOnce(&mut ServiceConfig)) {
    let scope = web::scope(prefix).configure(inside);
    match given.rule() {
        Some(rule) => app.service(scope.rule(rule)),
        None => app.service(scope),
    };
}

impl Rules {
    /// `2 override` or `2 no override`.
    fn limit(&mut self, text: &str) {
        let (name, overrides) = text.split_once(' ').expect("a name and whether it overrides");
        let name = ["2", "3", "4", "5"].into_iter().find(|it| *it == name).expect("a name");
        self.limits.push(limit(name).override_defaults(overrides == "override"));
    }

    /// Nothing, or `from` and what is lifted.
    fn exempt(&mut self, text: &str) {
        let Some(what) = text.strip_prefix(" from ") else {
            self.exempt = Some(Exempt::ALL);
            return;
        };
        let lifted = what.split(" and ").map(|what| match what {
            "default" => Exempt::DEFAULT,
            "application" => Exempt::APPLICATION,
            "scopes" => Exempt::SCOPES,
            other => panic!("{other} cannot be lifted"),
        });
        self.exempt = Some(lifted.fold(Exempt::NONE, |all, one| all | one));
    }

    fn rule(&self) -> Option<Rule> {
        let is_nothing = self.exempt.is_none() && self.limits.is_empty();
        let limits = Limits::from(self.limits.clone());
        (!is_nothing).then(|| Rule::from(limits).exempt(self.exempt.unwrap_or_default()))
    }
}
