//! The places of an app, numbered, with their patterns.

use actix_web::dev::ResourceDef;

use crate::{
    description::{App, At, Inner, PatternRule, Place, Request, Rule, Settings},
    palette,
};

/// The places of an app, in the order in which they are registered.
pub(crate) struct Sites<'a> {
    pub(crate) app: &'a App,
    pub(crate) all: Vec<Site<'a>>,
}

/// A place of an app.
pub(crate) struct Site<'a> {
    pub(crate) place: &'a Place,
    /// The scopes around it, the outermost first.
    pub(crate) around: Vec<usize>,
    /// With the prefixes of the scopes around it.
    pub(crate) patterns: Vec<String>,
    /// Of a path from which the scopes around have taken their part.
    definition: ResourceDef,
    pub(crate) is_scope: bool,
    pub(crate) rule: Option<Rule>,
    pub(crate) limiter: Option<Settings>,
}

impl<'a> Sites<'a> {
    pub(crate) fn of(app: &'a App) -> Self {
        let mut sites = Self { app, all: Vec::new() };
        sites.add(&app.places, &[], "");
        sites
    }

    fn add(&mut self, places: &'a [Place], around: &[usize], prefix: &str) {
        for place in places {
            let number = self.all.len();
            let site = Site::new(place, around, prefix);
            let full = site.patterns[0].clone();
            self.all.push(site);
            if let Place::In(scope) = place {
                self.add(&scope.places, &[around, &[number]].concat(), &full);
            }
        }
    }

    /// The places directly in a scope, or in the app.
    pub(crate) fn inside(&self, scope: Option<usize>) -> impl Iterator<Item = usize> {
        let is_inside = move |site: &usize| self.all[*site].around.last().copied() == scope;
        (0..self.all.len()).filter(is_inside)
    }

    /// The pattern of a rule, if there is a place whose pattern it can have.
    pub(crate) fn pattern_of(&self, given: &PatternRule) -> Option<String> {
        let is_target = |site: &&Site<'_>| site.is_scope == (given.at == At::Scope) && site.can_be_given();
        let targets: Vec<_> = self.all.iter().filter(is_target).collect();
        let target = targets.get(given.target.checked_rem(targets.len())?)?;
        Some(target.patterns[0].clone())
    }
}

impl<'a> Site<'a> {
    fn new(place: &'a Place, around: &[usize], prefix: &str) -> Self {
        let slashed = |pattern: &str| match pattern {
            "" => String::new(),
            _ if pattern.starts_with('/') => pattern.to_owned(),
            _ => format!("/{pattern}"),
        };
        let (own, is_scope): (Vec<String>, bool) = match place {
            Place::In(scope) => (vec![scope.prefix.to_owned()], true),
            Place::At(resource) => (resource.patterns.iter().map(|it| slashed(it)).collect(), false),
            Place::By(route) => (vec![slashed(route.pattern)], false),
            Place::Fn(number) => (vec![slashed(palette::describe(*number).pattern)], false),
        };
        let (rule, limiter) = match place {
            Place::In(scope) => {
                let inner = scope.limiter.as_ref().map(Inner::settings).cloned();
                (scope.rule.clone(), inner)
            }
            Place::At(resource) => (resource.rule.clone(), resource.limiter.clone()),
            Place::By(_) => (None, None),
            Place::Fn(number) => {
                let handler = palette::describe(*number);
                (handler.rule, handler.limiter)
            }
        };
        Self {
            place,
            around: around.to_vec(),
            patterns: own.iter().map(|own| format!("{prefix}{own}")).collect(),
            definition: if is_scope { ResourceDef::root_prefix(&own[0]) } else { ResourceDef::new(own) },
            is_scope,
            rule,
            limiter,
        }
    }

    /// Returns the number of bytes it takes of the rest of a path.
    pub(crate) fn takes(&self, rest: &str) -> Option<usize> {
        self.definition.find_match(rest)
    }

    /// Returns whether the limiter knows exactly which requests it answers, and whether that is one of them.
    pub(crate) fn known_to_admit(&self, request: &Request) -> Option<bool> {
        let Place::Fn(number) = self.place else { return None };
        let handler = palette::describe(*number);
        handler.rule.as_ref()?;
        let admits = handler.guard.is_none_or(|guard| guard.admits(request));
        Some(admits && handler.methods.contains(&request.method))
    }

    /// Returns whether it has guards the limiter does not know of.
    pub(crate) fn is_guarded(&self) -> bool {
        match self.place {
            Place::In(scope) => scope.guard.is_some(),
            Place::At(resource) => resource.guard.is_some(),
            Place::By(_) => true,
            Place::Fn(number) => palette::describe(*number).rule.is_none(),
        }
    }

    /// Returns whether the limiter takes its pattern for a rule.
    fn can_be_given(&self) -> bool {
        let pattern = &self.patterns[0];
        pattern.starts_with('/')
            && (pattern.len() == 1 || !pattern.ends_with('/'))
            && !pattern.contains(':')
            && !(self.is_scope && pattern.contains('{'))
            && pattern.matches("{p}").count() <= 1
            && pattern.matches("{id}").count() <= 1
    }
}
