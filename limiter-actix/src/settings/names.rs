//! The names of limits, which are one name space: code hits and clears a limit by its name.

use super::{Settings, config_error::Origin, path_pattern::PathPattern};
use crate::{ConfigIssue, IntoLimits, Limit, Limits, limit::callback::Text};

/// A name, with the place that declares it.
struct DeclaredName<'a> {
    name: &'a str,
    place: String,
    /// Limits of several routes may have one name: the route then distinguishes them.
    has_route: bool,
}

impl Settings {
    /// Returns an issue for each name that is declared at two places. Each names both.
    pub(crate) fn issues_in_names(&self, named: &[(String, Limit)]) -> Vec<ConfigIssue> {
        let declared = self.declared_names(named);
        let twice = declared.iter().enumerate().filter_map(|(index, later)| {
            let is_same =
                |earlier: &&DeclaredName<'_>| earlier.name == later.name && !are_routes(earlier, later);
            let earlier = declared[..index].iter().find(is_same)?;
            let DeclaredName { name, place, .. } = later;
            let error = format!("another limit has the name `{name}`: that of {}", earlier.place);
            Some(ConfigIssue::new(Origin::whole(place.as_str()), error))
        });
        twice.collect()
    }

    /// Returns the names of these limits of a route or a scope that a limit of code or of a level has too, with the place
    /// of that.
    pub(crate) fn names_taken<'a>(&self, limits: &'a Limits) -> Vec<(&'a str, String)> {
        let of_code = self.named.iter().map(|named| of_named(&named.name, &named.limit));
        let taken: Vec<_> = of_code.chain(self.names_of_levels()).collect();
        let names = names(limits).into_iter();
        let taken = names.map(|name| (name, taken.iter().find(|other| other.name == name)));
        taken.filter_map(|(name, other)| Some((name, other?.place.clone()))).collect()
    }

    fn names_of_levels(&self) -> impl Iterator<Item = DeclaredName<'_>> {
        let levels = [
            ("default_limits", &self.defaults.limits),
            ("application_limits", &self.application),
            ("meta_limits", &self.meta),
        ];
        levels.into_iter().flat_map(|(place, limits)| {
            names(limits).into_iter().map(move |name| at(name, place.to_owned(), false))
        })
    }

    fn declared_names<'a>(&'a self, named: &'a [(String, Limit)]) -> Vec<DeclaredName<'a>> {
        let mut declared: Vec<_> = named.iter().map(|(name, limit)| of_named(name, limit)).collect();
        declared.extend(self.names_of_levels());
        for rule in &self.patterns {
            let place = match &rule.pattern {
                PathPattern::Route(route, _) => {
                    format!("the route {:?}", route.pattern().unwrap_or_default())
                }
                PathPattern::Scope(scope) => format!("the scope {:?}", scope.pattern().unwrap_or_default()),
            };
            declared.extend(names(&rule.rule.limits).into_iter().map(|name| at(name, place.clone(), true)));
        }
        declared
    }
}

fn of_named<'a>(name: &'a str, limit: &Limit) -> DeclaredName<'a> {
    at(name, format!(".named_limit({name:?}, {})", limit.in_code()), false)
}

fn at(name: &str, place: String, has_route: bool) -> DeclaredName<'_> {
    DeclaredName { name, place, has_route }
}

fn are_routes(one: &DeclaredName<'_>, other: &DeclaredName<'_>) -> bool {
    one.has_route && other.has_route
}

/// Returns the names of the limits of one declaration, each once. A limit that shares its count under its name is the same
/// limit as the named one.
fn names(limits: &Limits) -> Vec<&str> {
    fn name(limit: &Limit) -> Option<&str> {
        let is_shared =
            matches!(&limit.shared, Some(Text::Fixed(shared)) if Some(shared) == limit.name.as_ref());
        if is_shared { None } else { limit.name.as_deref() }
    }
    let mut names: Vec<_> = limits.0.iter().filter_map(name).collect();
    names.sort_unstable();
    names.dedup();
    names
}
