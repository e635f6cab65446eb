use std::{cell::OnceCell, rc::Rc, sync::Arc};

use actix_web::dev::{ResourceDef, ResourceMap};

use super::{
    beacon::{self, Beacon, RuleSite},
    resource_map::{self, Patterns},
    segment_tree::SegmentTree,
};
use crate::plan::key::RuleIds;

/// The scopes and resources of an app as actix built them, each with the rules declared there.
///
/// What lies inside a scope is what actix put there. A route that was registered before a scope is not inside of it,
/// although its path begins with the scope's prefix.
pub(crate) struct RouteTree {
    root: ScopeNode,
    /// The scopes that have rules, by number.
    pub(super) scopes: Vec<ScopePlace>,
    /// The resources, by number.
    pub(super) resources: Vec<ResourcePlace>,
    /// The beacons in the order of the tree, with the full prefixes of the scopes around them.
    pub(super) beacons: Vec<(Arc<str>, Rc<Beacon>)>,
}

/// The parts that are found while the tree is built.
#[derive(Default)]
struct TreeParts {
    scopes: Vec<ScopePlace>,
    resources: Vec<ResourcePlace>,
    beacons: Vec<(Arc<str>, Rc<Beacon>)>,
}

/// A scope, with what it contains in the order in which actix tries it.
struct ScopeNode {
    number: usize,
    pattern: Pattern,
    inside: Vec<Child>,
    by_segments: SegmentTree,
}

enum Child {
    Scope(ScopeNode),
    Resource { number: usize, pattern: Pattern },
}

/// A pattern, compiled when a path needs it.
struct Pattern {
    patterns: Patterns,
    compiled: OnceCell<ResourceDef>,
}

/// A scope, seen from outside of the tree.
pub(super) struct ScopePlace {
    /// Its full pattern, with those of the scopes around it.
    pub(super) prefix: Arc<str>,
    /// The scope around it; none for the app.
    pub(super) parent: Option<usize>,
    /// The rules declared on it.
    pub(super) rules: RuleIds,
}

/// A resource, seen from outside of the tree.
pub(super) struct ResourcePlace {
    /// Its full patterns. The first one names the route.
    pub(super) patterns: Vec<Arc<str>>,
    pub(super) scope: usize,
    /// The rule declared on it, with the methods and guards that are known of it.
    pub(super) rule: Option<Rc<Beacon>>,
}

/// A place at which the routing of a path may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Resource(usize),
    /// The default service of a scope, by the number of the scope.
    Default(usize),
}

/// The places of one path, in the order in which actix tries them.
pub(super) type Places = Vec<Place>;

/// Of so many places that match one path the first are looked at.
const MAX_PLACES: usize = 32;

impl RouteTree {
    /// Reads the tree of an app; none if this version of actix does not show it.
    pub(super) fn of(map: &ResourceMap) -> Option<Self> {
        let read = resource_map::read(map)?;
        let mut found = TreeParts::default();
        let root = ScopeNode::new(read, None, &mut found);
        let TreeParts { scopes, resources, beacons } = found;
        Some(Self { root, scopes, resources, beacons })
    }

    /// Returns whether there are scopes in the app.
    pub(super) fn has_scopes(&self) -> bool {
        self.scopes.len() > 1
    }

    /// Returns the places that a path may reach, at least one. Guards decide among them; without any, it is the first.
    pub(super) fn places(&self, path: &str) -> Places {
        let mut places = Places::new();
        match self.root.pattern.taken(path) {
            Some(taken) => self.root.places(&path[taken..], &mut places),
            // Such as the `*` of OPTIONS: the app's default service answers.
            None => places.push(Place::Default(self.root.number)),
        }
        places
    }

    /// Returns the scopes that take so many bytes of a path, with all scopes around them.
    pub(super) fn scopes_that_take(&self, path: &str, taken: usize) -> Vec<usize> {
        let mut scopes = Vec::new();
        if let Some(of_root) = self.root.pattern.taken(path) {
            self.root.scopes_that_take(path, of_root, taken, &mut scopes);
        }
        scopes
    }

    /// Returns the scopes around a place, the outermost first, the app left out.
    pub(super) fn scopes_of(&self, place: Place) -> Vec<usize> {
        let innermost = match place {
            Place::Resource(number) => self.resources[number].scope,
            Place::Default(number) => number,
        };
        let mut scopes: Vec<usize> =
            std::iter::successors(Some(innermost), |scope| self.scopes[*scope].parent)
                .filter(|scope| self.scopes[*scope].parent.is_some())
                .collect();
        scopes.reverse();
        scopes
    }

    /// Returns the rules that a request meets on its way to a place, from the outermost on.
    pub(super) fn rules_of(&self, place: Place) -> RuleIds {
        let mut rules = RuleIds::new();
        for scope in self.scopes_of(place) {
            rules.extend_from_slice(&self.scopes[scope].rules);
        }
        if let Some(beacon) = self.rule_of(place) {
            rules.push(beacon.rule.id);
        }
        rules
    }

    /// Returns the rule declared on the place itself.
    pub(super) fn rule_of(&self, place: Place) -> Option<&Rc<Beacon>> {
        match place {
            Place::Resource(number) => self.resources[number].rule.as_ref(),
            Place::Default(_) => None,
        }
    }

    /// Returns the patterns of all routes.
    pub(super) fn route_patterns(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().flat_map(|resource| resource.patterns.iter().map(|pattern| &**pattern))
    }

    /// Returns the pattern that names the route of a place; none for default services.
    pub(super) fn pattern_of(&self, place: Place) -> Option<&Arc<str>> {
        match place {
            Place::Resource(number) => self.resources[number].patterns.first(),
            Place::Default(_) => None,
        }
    }
}

impl ScopeNode {
    fn new(read: resource_map::Node, around: Option<usize>, found: &mut TreeParts) -> Self {
        let outer = around.map(|around| Arc::clone(&found.scopes[around].prefix)).unwrap_or_default();
        let number = found.scopes.len();
        let prefix: Arc<str> = format!("{outer}{}", read.patterns.first()).into();
        found.scopes.push(ScopePlace { prefix: Arc::clone(&prefix), parent: around, rules: RuleIds::new() });
        let mut node = Self {
            number,
            pattern: Pattern::new(read.patterns),
            inside: Vec::new(),
            by_segments: SegmentTree::default(),
        };
        // The numbers of the resources here. A beacon counts all that was registered before it.
        let mut here: Vec<Option<usize>> = Vec::new();
        for child in read.inside.unwrap_or_default() {
            let resource = match beacon::find(child.patterns.first()) {
                Some(beacon) => {
                    found.attach(&beacon, number, &here);
                    found.beacons.push((Arc::clone(&prefix), beacon));
                    None
                }
                None => node.add(child, found),
            };
            here.push(resource);
        }
        node
    }

    /// Adds a scope or a resource; returns the number of a resource.
    fn add(&mut self, child: resource_map::Node, found: &mut TreeParts) -> Option<usize> {
        child.patterns.add_to(&mut self.by_segments, self.inside.len());
        if child.inside.is_some() {
            self.inside.push(Child::Scope(Self::new(child, Some(self.number), found)));
            return None;
        }
        let prefix = &found.scopes[self.number].prefix;
        let patterns = child.patterns.texts.iter().map(|text| format!("{prefix}{text}").into()).collect();
        let number = found.resources.len();
        found.resources.push(ResourcePlace { patterns, scope: self.number, rule: None });
        self.inside.push(Child::Resource { number, pattern: Pattern::new(child.patterns) });
        Some(number)
    }

    /// Adds the scopes inside that take the bytes of a path up to `end`; this one takes those up to `from`.
    fn scopes_that_take(&self, path: &str, from: usize, end: usize, scopes: &mut Vec<usize>) {
        let rest = &path[from..];
        for found in self.by_segments.find(rest) {
            let Child::Scope(scope) = &self.inside[found.pattern] else { continue };
            let Some(taken) = found.taken.or_else(|| scope.pattern.taken(rest)) else { continue };
            if from + taken == end {
                scopes.push(scope.number);
            }
            scope.scopes_that_take(path, from + taken, end, scopes);
        }
    }

    fn places(&self, rest: &str, places: &mut Places) {
        for found in self.by_segments.find(rest) {
            if places.len() >= MAX_PLACES {
                return;
            }
            match &self.inside[found.pattern] {
                Child::Resource { number, pattern } => {
                    if found.taken.or_else(|| pattern.taken(rest)).is_some() {
                        places.push(Place::Resource(*number));
                    }
                }
                Child::Scope(scope) => {
                    if let Some(taken) = found.taken.or_else(|| scope.pattern.taken(rest)) {
                        scope.places(&rest[taken..], places);
                    }
                }
            }
        }
        places.push(Place::Default(self.number));
    }
}

impl TreeParts {
    /// Notes the rule of a beacon on the scope around the beacon, or on the resource that it points back to.
    fn attach(&mut self, beacon: &Rc<Beacon>, scope: usize, here: &[Option<usize>]) {
        match &beacon.site {
            RuleSite::Scope(_) => self.scopes[scope].rules.push(beacon.rule.id),
            RuleSite::Resource(spec) => {
                let covered = here.len().checked_sub(spec.distance()).and_then(|at| here[at]);
                if let Some(covered) = covered {
                    let place = &self.resources[covered];
                    let relative =
                        place.patterns.first().and_then(|it| it.strip_prefix(&*self.scopes[scope].prefix));
                    spec.set_path(relative.unwrap_or_default());
                    self.resources[covered].rule = Some(Rc::clone(beacon));
                }
            }
        }
    }
}

impl Pattern {
    fn new(patterns: Patterns) -> Self {
        Self { patterns, compiled: OnceCell::new() }
    }

    /// Returns how many bytes of a path the pattern takes.
    fn taken(&self, path: &str) -> Option<usize> {
        self.compiled.get_or_init(|| self.patterns.compile()).find_match(path)
    }
}

#[cfg(test)]
mod tests;
