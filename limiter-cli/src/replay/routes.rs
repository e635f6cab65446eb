//! The routes of the app that a log belongs to.

use std::{collections::BTreeSet, fs};

use limiter_actix::{FileOutline, Limiter};

use super::guess;
use crate::{args::Replay, outcome::Failure};

/// Returns the patterns of all routes that are known: those with rules in the settings file, those given, and
/// those guessed. Plain segments come before parameters, so that `/users/me` is no user.
pub(super) fn all(outline: &FileOutline, arguments: &Replay) -> Result<Vec<String>, Failure> {
    let mut given = arguments.route.clone();
    if let Some(path) = &arguments.routes {
        let text = fs::read_to_string(path).map_err(|error| Failure::Read { path: path.clone(), error })?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        given.extend(lines.map(str::to_owned));
    }
    for pattern in &given {
        check(pattern)?;
    }
    let mut routes: BTreeSet<String> = outline.routes().map(str::to_owned).chain(given).collect();
    if arguments.guess_routes {
        let known: BTreeSet<String> = routes.iter().map(|route| shape(route)).collect();
        let guessed = guess::routes(&arguments.logs)?;
        routes.extend(
            guessed.into_iter().filter(|route| !known.contains(&shape(route)) && check(route).is_ok()),
        );
    }
    let mut routes: Vec<String> = routes.into_iter().collect();
    routes.sort_by_key(|route| route.split('/').map(is_parameter).collect::<Vec<_>>());
    Ok(routes)
}

/// Returns a pattern without the names of its parameters.
fn shape(pattern: &str) -> String {
    pattern
        .split('/')
        .map(|segment| if is_parameter(segment) { "{}" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}

/// Checks a pattern as the limiter checks those of its rules, since actix panics on invalid ones.
fn check(pattern: &str) -> Result<(), Failure> {
    let is_plain = !pattern.contains(' ');
    let checked = Limiter::builder().exempt_route(pattern).build();
    match checked {
        Ok(_) if is_plain => Ok(()),
        Ok(_) => Err(Failure::Usage(format!("invalid route `{pattern}`: expected a path without methods"))),
        Err(error) => Err(Failure::Usage(format!("invalid route: {error}"))),
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}
