//! Path patterns of the builder and of files.

use std::fmt;

use actix_web::{dev::ResourceDef, http::Method};

use crate::{BuildError, Rule, SettingSource};

/// A rule by path pattern.
#[derive(Clone, Debug)]
pub(crate) struct PatternRule {
    pub(crate) pattern: PathPattern,
    pub(crate) rule: Rule,
    pub(crate) source: SettingSource,
}

/// The paths that a rule applies to.
#[derive(Clone, Debug)]
pub(crate) enum PathPattern {
    /// All paths under a prefix.
    Scope(ResourceDef),
    /// The paths that match, for these methods, or for all methods if there are none.
    Route(ResourceDef, Vec<Method>),
}

impl PathPattern {
    /// Returns the prefix of a scope; empty for all paths.
    pub(crate) fn prefix(&self) -> Option<&str> {
        match self {
            Self::Scope(prefix) => prefix.pattern(),
            Self::Route(..) => None,
        }
    }
}

/// Shown as it was given.
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(pattern) => {
                f.write_str(pattern.pattern().filter(|text| !text.is_empty()).unwrap_or("/"))
            }
            Self::Route(pattern, methods) => {
                for (index, method) in methods.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    write!(f, "{separator}{method}")?;
                }
                let separator = if methods.is_empty() { "" } else { " " };
                write!(f, "{separator}{}", pattern.pattern().unwrap_or_default())
            }
        }
    }
}

/// Parses a prefix, which covers all paths under it.
pub(crate) fn scope(prefix: &str) -> Result<PathPattern, BuildError> {
    check(prefix, prefix)?;
    // As a prefix, `/` alone would match only itself.
    Ok(PathPattern::Scope(ResourceDef::prefix(if prefix == "/" { "" } else { prefix })))
}

/// Parses `[METHOD[,METHOD]... ]/path/{with}/segments`. HEAD counts as GET.
pub(crate) fn route(text: &str) -> Result<PathPattern, BuildError> {
    let (methods, path) = text.rsplit_once(' ').unwrap_or(("", text));
    check(text, path)?;
    let methods = methods.split(',').filter(|name| !name.is_empty()).map(|name| {
        let is_upper_case = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        let name = if name == "HEAD" { "GET" } else { name };
        Method::from_bytes(name.as_bytes()).ok().filter(|_| is_upper_case)
    });
    let methods = methods
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| error(text, "methods in upper case, joined by commas, before the path"))?;
    Ok(PathPattern::Route(ResourceDef::new(path), methods))
}

/// Checks that actix accepts the pattern, because it panics on invalid ones.
fn check(text: &str, path: &str) -> Result<(), BuildError> {
    const MAX_SEGMENTS: usize = 16;
    const MAX_LEN: usize = 4096;

    if path.len() > MAX_LEN {
        return Err(error(text, "at most 4096 bytes"));
    }
    if !path.starts_with('/') {
        return Err(error(text, "a path that begins with a slash"));
    }
    if path.len() > 1 && path.ends_with('/') {
        return Err(error(text, "no slash at the end"));
    }
    let mut names = Vec::new();
    for segment in path.split('/') {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) if is_name(name) && names.contains(&name) => {
                return Err(error(text, "names in braces that differ from each other"));
            }
            Some(name) if is_name(name) => names.push(name),
            // A star would be the rest of the path, for which there are scopes.
            None if !segment.contains(['{', '}', '*']) => {}
            _ => return Err(error(text, "segments that are plain, or a name in braces such as `{id}`")),
        }
    }
    if names.len() > MAX_SEGMENTS { Err(error(text, "at most 16 segments in braces")) } else { Ok(()) }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn error(pattern: &str, expected: &'static str) -> BuildError {
    BuildError::Pattern { pattern: pattern.to_owned(), expected }
}
