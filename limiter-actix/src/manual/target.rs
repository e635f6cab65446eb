//! The counts that a name stands for.

use std::{collections::HashSet, sync::Arc};

use limiter_core::{Key, Policy, Scope, storage::Hit};

use super::NamedLimitError;
use crate::{
    Limiter, OnStorageFailure,
    decision::fallback,
    limit::named::NamedLimit,
    limiter::listing::Names,
    settings::{
        Config,
        bound_names::{BoundNames, NamedBinding},
    },
};

/// The name of a limit, with its route if the name alone is not enough. A `&str` is the name alone.
///
/// ```
/// use limiter_actix::LimitName;
///
/// let everywhere = LimitName::from("searches");
/// let of_one_route = LimitName::new("searches").at("/users/{id}");
/// let of_one_method = LimitName::new("searches").at("GET /users/{id}");
/// # let _ = (everywhere, of_one_route, of_one_method);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitName<'a> {
    name: &'a str,
    route: Option<&'a str>,
}

impl<'a> LimitName<'a> {
    /// Creates a name without a route.
    #[must_use]
    pub fn new(name: &'a str) -> Self {
        Self { name, route: None }
    }

    /// Sets the route, by its pattern. If the limit counts per method, the method stands before it. `unmatched` is the place
    /// of paths without a route.
    #[must_use]
    pub fn at(mut self, route: &'a str) -> Self {
        self.route = Some(route);
        self
    }

    pub(super) fn name(self) -> &'a str {
        self.name
    }
}

impl<'a> From<&'a str> for LimitName<'a> {
    fn from(name: &'a str) -> Self {
        Self::new(name)
    }
}

impl<'a> From<&'a String> for LimitName<'a> {
    fn from(name: &'a String) -> Self {
        Self::new(name)
    }
}

/// The counts of one scope that a name stands for.
pub(super) struct Target {
    scope: Scope,
    pub(super) policies: Vec<Policy>,
    /// `true` if the request determines which of them applies.
    pub(super) is_dynamic: bool,
    pub(super) on_failure: OnStorageFailure,
}

/// Added to an error before the first request.
const EARLY: &str = "; default limits, and those of scopes, of rules by pattern and of functions, are known after the \
                     first request of the process";

/// The maximum number of names and places that an error lists.
const MAX_LISTED: usize = 20;

impl Target {
    /// Returns the counts of a name.
    pub(super) fn find(
        limiter: &Limiter,
        config: &Arc<Config>,
        limit: LimitName<'_>,
    ) -> Result<Self, NamedLimitError> {
        let settings = &config.settings;
        if limit.route.is_none()
            && let Some(named) = settings.named.iter().find(|named| named.name == limit.name)
        {
            return Ok(Self {
                scope: named.scope.clone(),
                policies: vec![named.policy.clone()],
                is_dynamic: false,
                on_failure: fallback::policy(&named.limit, settings),
            });
        }
        let names = limiter.names(config);
        let mut found = names.bound.find(limit.name);
        if let Some(early) = names.early.as_ref().filter(|_| found.is_empty()) {
            found = early.find(limit.name);
        }
        found.retain(|(scope, _, _)| limit.route.is_none_or(|route| is_at(scope, route)));
        let mut places: Vec<String> = found.iter().map(|(scope, _, _)| place(scope)).collect();
        places.sort_unstable();
        places.dedup();
        if places.len() > 1 {
            return Err(NamedLimitError::Ambiguous { name: limit.name.to_owned(), places: list(&places) });
        }
        Self::of_one_scope(found, settings.failure.policy)
            .ok_or_else(|| unknown(limit.name, &names, &settings.named))
    }

    fn of_one_scope(found: Vec<(Scope, Policy, NamedBinding)>, on_failure: OnStorageFailure) -> Option<Self> {
        let (scope, _, first) = found.first()?;
        let on_failure = first.on_storage_failure.unwrap_or(on_failure);
        let (scope, is_dynamic) = (scope.clone(), found.iter().any(|(_, _, binding)| binding.is_dynamic));
        Some(Self {
            scope,
            policies: found.into_iter().map(|(_, policy, _)| policy).collect(),
            is_dynamic,
            on_failure,
        })
    }

    /// Returns whether any of the counts is of concurrent requests.
    pub(super) fn is_concurrent(&self) -> bool {
        self.policies.iter().any(Policy::is_concurrent)
    }

    /// Returns a hit of a client on each of the counts.
    pub(super) fn hits<'a>(&'a self, client: &'a Key, cost: u64) -> Vec<Hit<'a>> {
        self.policies.iter().map(|policy| Hit::new(&self.scope, client, policy).cost(cost)).collect()
    }
}

/// Returns the error of a name that is not known, with others that are.
fn unknown(name: &str, bound: &Names, declared: &[NamedLimit]) -> NamedLimitError {
    let known = [Some(&*bound.bound), bound.early.as_ref()];
    let bound_names = known.into_iter().flatten().flat_map(BoundNames::names);
    let declared = declared.iter().map(|limit| limit.name.clone());
    let mut known: Vec<_> = declared.chain(bound_names.map(|name| (*name).to_owned())).collect();
    let mut seen = HashSet::new();
    known.retain(|name| seen.insert(name.clone()));
    NamedLimitError::UnknownLimit {
        name: name.to_owned(),
        known: list(&known),
        hint: if bound.early.is_some() { EARLY } else { "" },
    }
}

/// Returns the place of a scope in words: its route, with the method if it counts per method, or its level.
fn place(scope: &Scope) -> String {
    // The first part is the prefix of the limiter.
    let parts: Vec<_> = scope.parts().skip(1).collect();
    match parts[..] {
        ["route", route] => route.to_owned(),
        ["route", route, method] => format!("{method} {route}"),
        ["shared", "", name] => format!("shared {name}"),
        ["shared", method, name] => format!("{method} shared {name}"),
        _ => parts.join(" "),
    }
}

fn is_at(scope: &Scope, route: &str) -> bool {
    let place = place(scope);
    place == route || place.split_once(' ').is_some_and(|(_, pattern)| pattern == route)
}

/// Lists texts for an error, not too many of them.
pub(super) fn list(texts: &[String]) -> String {
    let listed = texts.iter().take(MAX_LISTED).map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ");
    match texts.len() {
        0 => "none".to_owned(),
        many if many > MAX_LISTED => format!("{listed} and {} more", many - MAX_LISTED),
        _ => listed,
    }
}
