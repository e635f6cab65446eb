//! What is wrong with settings that were read.

use std::{fmt, sync::Arc};

/// Something in the environment or in a file that cannot be, and where it stands.
///
/// Shown as `limits.toml:3:12: expected ..., found ...`, or with the name of a variable in place of the file's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigIssue {
    at: Origin,
    what: String,
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// A file, or a variable.
    pub(crate) origin: Arc<str>,
    /// The line and the column in it, from 1 on.
    pub(crate) position: Option<(usize, usize)>,
}

/// All that is wrong with the settings in the environment and in a file, one line for each; of more than 100
/// issues the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<ConfigIssue>);

impl ConfigIssue {
    pub(crate) fn new(at: Origin, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// The file or the variable.
    pub fn origin(&self) -> &str {
        &self.at.origin
    }

    /// The line in the file, from 1 on; none for a variable, and for a file as a whole.
    pub fn line(&self) -> Option<usize> {
        self.at.position.map(|(line, _)| line)
    }

    /// The column in that line, in characters, from 1 on.
    pub fn column(&self) -> Option<usize> {
        self.at.position.map(|(_, column)| column)
    }
}

impl Origin {
    /// Returns whether it is a call of the builder that begins with this text.
    pub(crate) fn is_call(&self, start: &str) -> bool {
        self.position.is_none() && self.origin.starts_with(start)
    }

    /// A file or a variable as a whole.
    pub(crate) fn whole(origin: impl Into<Arc<str>>) -> Self {
        Self { origin: origin.into(), position: None }
    }
}

impl ConfigError {
    /// The issues, from the top of the file on.
    pub fn issues(&self) -> &[ConfigIssue] {
        &self.0
    }

    /// Sorts issues as they stand in the texts; fails when there are any.
    pub(crate) fn of(mut issues: Vec<ConfigIssue>) -> Result<(), Self> {
        /// After so many, it is another kind of file.
        const MAX_ISSUES: usize = 100;
        issues.sort_by_key(|issue| issue.at.position);
        issues.truncate(MAX_ISSUES);
        if issues.is_empty() { Ok(()) } else { Err(Self(issues)) }
    }
}

impl From<ConfigIssue> for ConfigError {
    fn from(issue: ConfigIssue) -> Self {
        Self(vec![issue])
    }
}

impl fmt::Display for ConfigIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        match self.position {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, issue) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{issue}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
