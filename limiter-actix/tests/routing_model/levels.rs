//! Which limits apply: section 3 of the contract, written as plainly as can be.

use actix_web::dev::ResourceDef;

use crate::{
    description::{At, Inner, Lift, Limit, PatternRule, Place, Rule, Settings, Verb},
    sites::Sites,
    walk::End,
};

/// A limiter of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    App,
    /// On the place with this number.
    On(usize),
}

/// The place where a limit is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    Application,
    Defaults,
    /// The place with this number; the number of the limit there.
    Rule(usize, usize),
    /// The rule by pattern with this number; the number of the limit there.
    Pattern(usize, usize),
}

/// The name of a count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Count {
    pub(crate) whose: Whose,
    pub(crate) of: Of,
    pub(crate) route: Option<String>,
    pub(crate) method: Option<Verb>,
}

/// A limit that applies.
#[derive(Clone, Debug)]
pub(crate) struct ActiveLimit {
    pub(crate) count: Count,
    pub(crate) amount: u64,
}

/// The limits that one limiter decides for a request.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) limits: Vec<ActiveLimit>,
}

/// The limits and exemptions of one level, for a method.
#[derive(Default)]
struct Level {
    lifts: Vec<Lift>,
    limits: Vec<DeclaredLimit>,
}

struct DeclaredLimit {
    adds: bool,
    applies: ActiveLimit,
}

/// A limiter or a rule on the way of a request.
enum Station<'s> {
    Limiter(Whose, &'s Settings),
    Rule(usize, &'s Rule),
}

/// Where a rule by pattern stands on the way of a request.
enum Position {
    Nowhere,
    /// On the scope at this place of the chain.
    Scope(usize),
    /// Outside of the route, and of no scope.
    Prefix,
    Route,
}

/// The way is not one on which all agree which rules by pattern cover it.
pub(crate) struct Unclear;

impl Sites<'_> {
    /// The limits of a request, by limiter, the outermost first.
    pub(crate) fn decisions(&self, end: End, path: &str, method: Verb) -> Result<Vec<Decision>, Unclear> {
        self.decisions_under(&self.app.given, end, path, method)
    }

    /// The same without rules by pattern, where it is not clear which of these hold.
    pub(crate) fn decisions_of_places(&self, end: End, path: &str, method: Verb) -> Vec<Decision> {
        self.decisions_under(&[], end, path, method).unwrap_or_default()
    }

    fn decisions_under(
        &self,
        given: &[PatternRule],
        end: End,
        path: &str,
        method: Verb,
    ) -> Result<Vec<Decision>, Unclear> {
        let stations = self.stations(end);
        let mut decisions = Vec::new();
        for (at, station) in stations.iter().enumerate() {
            if let Station::Limiter(whose, settings) = station {
                let levels = self.levels(&stations[at..], given, end, path, method)?;
                let mut limits = resolve(levels, application(*whose, settings));
                limits.retain(|applies| applies.count.whose == *whose);
                decisions.push(Decision { limits });
            }
        }
        Ok(decisions)
    }

    /// The limiters and rules that a request meets, in this order.
    fn stations(&self, end: End) -> Vec<Station<'_>> {
        let mut stations = vec![Station::Limiter(Whose::App, &self.app.limiter)];
        for number in self.chain(end) {
            let site = &self.all[number];
            let limiter = site.limiter.as_ref().map(|settings| Station::Limiter(Whose::On(number), settings));
            let rule = site.rule.as_ref().map(|rule| Station::Rule(number, rule));
            let is_within =
                matches!(site.place, Place::In(scope) if matches!(scope.limiter, Some(Inner::Within(_))));
            if is_within {
                stations.extend(rule.into_iter().chain(limiter));
            } else {
                stations.extend(limiter.into_iter().chain(rule));
            }
        }
        stations
    }

    /// The limiters on the way to an end.
    pub(crate) fn limiters(&self, end: End) -> Vec<(Whose, &Settings)> {
        let stations = self.stations(end).into_iter();
        let limiters = stations.filter_map(|station| match station {
            Station::Limiter(whose, settings) => Some((whose, settings)),
            Station::Rule(..) => None,
        });
        limiters.collect()
    }

    /// Returns the levels that the limiter at the first station sees: its defaults, each scope, the route.
    fn levels(
        &self,
        stations: &[Station<'_>],
        given: &[PatternRule],
        end: End,
        path: &str,
        method: Verb,
    ) -> Result<Vec<Level>, Unclear> {
        let [Station::Limiter(whose, settings), ..] = *stations else { return Ok(Vec::new()) };
        let chain = self.chain(end);
        let scopes = chain.len() - usize::from(matches!(end, End::At(_)));
        let mut defaults = Level::default();
        defaults.limits.extend(self.defaults(whose, settings, end, method));
        let mut levels: Vec<Level> = (0..scopes).map(|_| Level::default()).collect();
        let (mut prefix, mut route) = (Level::default(), Level::default());

        let mut owner = whose;
        for station in stations {
            match station {
                Station::Limiter(inner, _) => owner = *inner,
                Station::Rule(number, rule) => {
                    let at = chain.iter().position(|site| site == number).unwrap_or_default();
                    let level = levels.get_mut(at).unwrap_or(&mut route);
                    level.declare(rule, method, |limit| (owner, Of::Rule(*number, limit), self.route(end)));
                }
            }
        }
        if whose == Whose::App {
            for (number, given) in given.iter().enumerate() {
                let level = match self.standing(given, end, &chain[..scopes], path, method)? {
                    Position::Nowhere => continue,
                    Position::Scope(at) => &mut levels[at],
                    Position::Prefix => &mut prefix,
                    Position::Route => &mut route,
                };
                level.declare(&given.rule, method, |limit| {
                    (whose, Of::Pattern(number, limit), self.route(end))
                });
            }
        }
        Ok([vec![defaults], levels, vec![prefix, route]].into_iter().flatten().collect())
    }

    fn defaults(&self, whose: Whose, settings: &Settings, end: End, method: Verb) -> Option<DeclaredLimit> {
        let route = self.route(end);
        let holds = route.is_some() || !settings.not_on_unmatched;
        let method = (settings.per_method && route.is_some()).then_some(method.counted());
        let count = Count { whose, of: Of::Defaults, route, method };
        let amount = settings.defaults.filter(|_| holds)?;
        Some(DeclaredLimit { adds: false, applies: ActiveLimit { count, amount } })
    }

    /// Where a rule by pattern stands: it covers all patterns of a resource, and what lies in a scope.
    fn standing(
        &self,
        given: &PatternRule,
        end: End,
        scopes: &[usize],
        path: &str,
        method: Verb,
    ) -> Result<Position, Unclear> {
        let Some(pattern) = self.pattern_of(given) else { return Ok(Position::Nowhere) };
        let by_path = covers(given, &pattern, path, method);
        if given.at == At::Route {
            let patterns = match end {
                End::At(number) => self.all[number].patterns.as_slice(),
                End::Unmatched(_) => &[],
            };
            let is_here = patterns.contains(&pattern) && method.is_among(&given.methods);
            // The same with other names of parameters.
            let is_alike = |there: &String| *there != pattern && shape(there) == shape(&pattern);
            return match (is_here, by_path) {
                _ if patterns.iter().any(is_alike) => Err(Unclear),
                (true, true) => Ok(Position::Route),
                (true, false) if patterns.len() > 1 => Ok(Position::Route),
                (false, false) => Ok(Position::Nowhere),
                _ => Err(Unclear),
            };
        }
        let around: Vec<_> =
            (0..scopes.len()).filter(|at| self.all[scopes[*at]].patterns[0] == pattern).collect();
        let is_inside = self.route(end).is_some_and(|route| {
            route.strip_prefix(&pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        match (around.as_slice(), by_path) {
            ([at], true) => Ok(Position::Scope(*at)),
            ([], true) if scopes.is_empty() && is_inside => Ok(Position::Prefix),
            ([], false) if !is_inside => Ok(Position::Nowhere),
            _ => Err(Unclear),
        }
    }

    /// Returns whether a rule by pattern for routes stands on the route with this number.
    pub(crate) fn is_given(&self, given: &PatternRule, number: usize) -> bool {
        let is_alike =
            |pattern: &String| self.all[number].patterns.iter().any(|there| shape(there) == shape(pattern));
        given.at == At::Route && self.pattern_of(given).as_ref().is_some_and(is_alike)
    }

    /// Returns whether a rule by pattern may stand at an end or on a path.
    pub(crate) fn may_cover(&self, given: &PatternRule, end: End, path: &str, method: Verb) -> bool {
        let Some(pattern) = self.pattern_of(given) else { return false };
        let is_alike = |there: &String| shape(there) == shape(&pattern);
        let is_on = |number: &usize| self.all[*number].patterns.iter().any(is_alike);
        covers(given, &pattern, path, method)
            || (method.is_among(&given.methods) && self.chain(end).iter().any(is_on))
    }
}

fn application(whose: Whose, settings: &Settings) -> Option<ActiveLimit> {
    let count = Count { whose, of: Of::Application, route: None, method: None };
    settings.application.map(|amount| ActiveLimit { count, amount })
}

/// A pattern without the names of its parameters.
fn shape(pattern: &str) -> String {
    pattern.replace("{id}", "{}").replace("{p}", "{}")
}

/// Returns whether a path alone would be covered.
fn covers(given: &PatternRule, pattern: &str, path: &str, method: Verb) -> bool {
    match given.at {
        At::Route => method.is_among(&given.methods) && ResourceDef::new(pattern).is_match(path),
        At::Scope => ResourceDef::prefix(if pattern == "/" { "" } else { pattern }).is_match(path),
    }
}

impl Level {
    /// Adds a rule. A limit that is off for the method is not declared.
    fn declare(&mut self, rule: &Rule, method: Verb, name: impl Fn(usize) -> (Whose, Of, Option<String>)) {
        self.lifts.extend(&rule.lifts);
        let holding = rule.limits.iter().enumerate().filter(|(_, limit)| method.is_among(&limit.methods));
        self.limits.extend(holding.map(|(number, limit): (usize, &Limit)| {
            let (whose, of, route) = name(number);
            let count = Count { whose, of, route, method: limit.per_method.then_some(method.counted()) };
            DeclaredLimit { adds: limit.adds, applies: ActiveLimit { count, amount: limit.amount } }
        }));
    }

    fn lifts(&self, lift: Lift) -> bool {
        self.lifts.iter().any(|it| *it == lift || *it == Lift::All)
    }
}

/// The innermost level that declares limits decides: if one of its limits overrides, only its own apply, else all
/// that are declared further out as well. An exemption lifts what is declared further out.
fn resolve(levels: Vec<Level>, application: Option<ActiveLimit>) -> Vec<ActiveLimit> {
    let last = levels.len() - 1;
    let lifted_by = |from: usize, lift| levels[from..].iter().any(|level| level.lifts(lift));
    let is_lifted: Vec<bool> = (0..=last)
        .map(|at| match at {
            0 => lifted_by(1, Lift::Defaults),
            _ if at < last => lifted_by(at + 1, Lift::Scopes),
            _ => false,
        })
        .collect();
    let mut applying: Vec<ActiveLimit> =
        application.into_iter().filter(|_| !lifted_by(1, Lift::Application)).collect();
    let standing =
        levels.into_iter().zip(is_lifted).filter(|(level, lifted)| !lifted && !level.limits.is_empty());
    let mut standing: Vec<Level> = standing.map(|(level, _)| level).collect();
    let overrides = standing.last().is_some_and(|level| level.limits.iter().any(|limit| !limit.adds));
    if overrides {
        standing.drain(..standing.len() - 1);
    }
    applying.extend(standing.into_iter().flat_map(|level| level.limits).map(|declared| declared.applies));
    applying
}
