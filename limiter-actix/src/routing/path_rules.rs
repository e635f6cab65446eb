use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use actix_web::http::Method;
use tokio::sync::Notify;

use super::{
    segment_tree::SegmentTree,
    trust::{Credit, Trust},
};
use crate::settings::path_pattern::{PathPattern, PatternRule};

/// The rules that were given by pattern, found by path or by place.
#[derive(Default)]
pub(super) struct PathRules {
    pub(super) all: Vec<PatternRule>,
    /// The trust in each.
    trust: Vec<Rc<Trust>>,
    /// Wakes requests that wait until another is no longer on credit.
    credit_ended: Rc<Notify>,
    by_segments: SegmentTree,
    /// `true` for those that name a route of the app.
    has_route: Vec<bool>,
    /// Those for routes, by their patterns without the names of parameters.
    by_shape: HashMap<String, Vec<usize>>,
}

/// Rules given by pattern, as indices.
pub(super) type Covering = Vec<usize>;

impl PathRules {
    /// Returns the rules of an app with these routes.
    pub(super) fn new<'p>(all: Vec<PatternRule>, routes: impl Iterator<Item = &'p str>) -> Self {
        let shapes: HashSet<String> =
            if all.is_empty() { HashSet::new() } else { routes.map(shape).collect() };
        let trust = all.iter().map(|_| Rc::default()).collect();
        let mut rules = Self { all, trust, ..Self::default() };
        for (number, rule) in rules.all.iter().enumerate() {
            let (pattern, is_prefix) = match &rule.pattern {
                PathPattern::Scope(pattern) => (pattern, true),
                PathPattern::Route(pattern, _) => (pattern, false),
            };
            let text = pattern.pattern().unwrap_or_default();
            let shape = shape(text);
            // A prefix without segments covers every path.
            rules.by_segments.add(number, text, is_prefix);
            rules.has_route.push(!is_prefix && shapes.contains(&shape));
            if !is_prefix {
                rules.by_shape.entry(shape).or_default().push(number);
            }
        }
        rules
    }

    /// Returns the trust that requests arrive under a rule.
    pub(super) fn trust(&self, rule: usize) -> &Rc<Trust> {
        &self.trust[rule]
    }

    /// Lets rules lift limits for one request, if they do so for no other on credit; returns whether that is so.
    pub(super) fn lift_on_credit(&self, rules: impl Iterator<Item = usize>, credit: &mut Credit) -> bool {
        credit.lift(rules.map(|rule| Rc::clone(self.trust(rule))).collect(), &self.credit_ended)
    }

    /// Waits until some request is no longer on credit.
    pub(super) async fn credit_ended(&self) {
        self.credit_ended.notified().await;
    }

    /// Returns whether a rule is for requests of this method.
    pub(super) fn is_for(&self, rule: usize, method: &Method) -> bool {
        match &self.all[rule].pattern {
            PathPattern::Route(_, methods) => methods.is_empty() || methods.contains(method),
            PathPattern::Scope(_) => true,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns whether a rule names a route of the app. It then holds at no default service.
    pub(super) fn has_route(&self, rule: usize) -> bool {
        self.has_route[rule]
    }

    /// Returns the rules that cover a path.
    pub(super) fn of_path(&self, path: &str) -> Covering {
        if self.is_empty() {
            return Covering::new();
        }
        self.by_segments.find(path).into_iter().map(|found| found.pattern).collect()
    }

    /// Returns the rules for a route that has these patterns. One that names any of them covers all.
    pub(super) fn of_route<'p>(&self, patterns: impl Iterator<Item = &'p str>) -> Covering {
        if self.is_empty() {
            return Covering::new();
        }
        patterns.filter_map(|pattern| self.by_shape.get(&shape(pattern))).flatten().copied().collect()
    }
}

/// Returns rules of both, in their order.
pub(super) fn union(one: &Covering, other: &Covering) -> Covering {
    let mut both = Covering::new();
    for rule in one.iter().chain(other) {
        if let Err(at) = both.binary_search(rule) {
            both.insert(at, *rule);
        }
    }
    both
}

/// Returns a pattern without the names of its parameters, since those do not change which paths match.
fn shape(pattern: &str) -> String {
    let plain = |segment: &str| segment.starts_with('{') && segment.ends_with('}') && !segment.contains(':');
    let segments: Vec<_> =
        pattern.split('/').map(|segment| if plain(segment) { "{}" } else { segment }).collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exempt, SettingSource, settings::path_pattern};

    fn rules(texts: &[&str], routes: &[&str]) -> PathRules {
        let rule = |text: &&str| {
            let pattern = match text.strip_suffix("/**") {
                Some(prefix) => path_pattern::scope(if prefix.is_empty() { "/" } else { prefix }),
                None => path_pattern::route(text),
            };
            PatternRule {
                pattern: pattern.expect("a pattern"),
                rule: Exempt::ALL.into(),
                source: SettingSource::Code,
            }
        };
        PathRules::new(texts.iter().map(rule).collect(), routes.iter().copied())
    }

    #[test]
    fn rules_cover_the_paths_that_match() {
        let rules = rules(&["/login", "/{tenant}/r0", "/api/**", "POST /users/{id}", "/**"], &[]);
        let rows: [(&str, &[usize]); 6] = [
            ("/login", &[0, 4]),
            ("/login/", &[4]),
            ("/7/r0", &[1, 4]),
            ("/api", &[2, 4]),
            ("/api/r0", &[1, 2, 4]),
            ("/users/7", &[3, 4]),
        ];
        for (path, expected) in rows {
            assert_eq!(rules.of_path(path).as_slice(), expected, "{path}");
        }
    }

    #[test]
    fn a_rule_may_name_a_route_of_the_app() {
        let rules = rules(&["/users/{id}", "/users/me", "/api/**"], &["/users/{name}", "/api"]);
        assert_eq!([0, 1, 2].map(|rule| rules.has_route(rule)), [true, false, false]);
        assert_eq!(rules.of_path("/users/me").as_slice(), [0, 1]);
        assert_eq!(rules.of_route(["/users/{name}"].into_iter()).as_slice(), [0]);
    }

    #[test]
    fn a_rule_covers_all_patterns_of_its_route() {
        let rules = rules(&["/b", "/users/{id}"], &[]);
        assert_eq!(rules.of_route(["/b", "/b2"].into_iter()).as_slice(), [0]);
        assert_eq!(rules.of_route(["/users/{name}"].into_iter()).as_slice(), [1]);
        for other in ["/users/{id:x}", "/users/{name}.txt", "/users/v{name}"] {
            assert!(rules.of_route([other].into_iter()).is_empty(), "{other}");
        }
    }

    use proptest::{collection::vec, prelude::*, sample::select};

    /// Segments of patterns as the builder and files may have them, most of them valid.
    fn text() -> impl Strategy<Value = String> {
        let plain = select(&["a", "b", "a.b", "é", "", "(", "a+", "\\d", "^", "*", "a*", "{", "{p"][..]);
        let segment = prop_oneof![
            4 => plain.prop_map(str::to_owned),
            3 => (0..4).prop_map(|number| format!("{{p{number}}}")),
        ];
        vec(segment, 1..6).prop_map(|segments| format!("/{}", segments.join("/")))
    }

    fn path() -> impl Strategy<Value = String> {
        let segment =
            select(&["a", "b", "a.b", "é", "", "(", "a+", "aa", "7", "\\d", "^", "*", "a*", "\n"][..]);
        vec(segment, 0..7).prop_map(|segments| format!("/{}", segments.join("/")))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        /// The defect: a rule for `/a*/b` covered all paths.
        #[test]
        fn a_valid_rule_covers_what_actix_would_match(
            texts in vec((text(), any::<bool>()), 1..10),
            paths in vec(path(), 1..20),
        ) {
            let parse = |(text, is_scope): &(String, bool)| {
                if *is_scope { path_pattern::scope(text) } else { path_pattern::route(text) }
            };
            let valid: Vec<_> = texts.iter().filter_map(|text| parse(text).ok()).collect();
            let rule = |pattern: &PathPattern| PatternRule {
                pattern: pattern.clone(),
                rule: Exempt::ALL.into(),
                source: SettingSource::Code,
            };
            let rules = PathRules::new(valid.iter().map(rule).collect(), std::iter::empty());
            for path in &paths {
                let matching = valid.iter().enumerate().filter(|(_, pattern)| match pattern {
                    PathPattern::Scope(pattern) | PathPattern::Route(pattern, _) => pattern.is_match(path),
                });
                let expected: Vec<_> = matching.map(|(number, _)| number).collect();
                let covering = rules.of_path(path);
                prop_assert_eq!(covering.as_slice(), expected.as_slice(), "{:?} of {:?}", path, &valid);
            }
        }
    }
}
