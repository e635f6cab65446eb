//! Errors in the environment and in files.

use std::{fmt, sync::Arc};

/// An error in the environment or in a file, with its position.
///
/// `Display` writes `limits.toml:3:12: expected ..., found ...`, or the name of a variable in place of the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigIssue {
    at: Origin,
    what: String,
}

/// The position of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The path of a file, or the name of a variable.
    pub(crate) origin: Arc<str>,
    /// The line and the column, both from 1.
    pub(crate) position: Option<(usize, usize)>,
}

/// All errors in the environment and in a file, or the first 100 if there are more. `Display` writes one per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<ConfigIssue>);

impl ConfigIssue {
    pub(crate) fn new(at: Origin, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// Returns the path of the file, or the name of the variable.
    pub fn origin(&self) -> &str {
        &self.at.origin
    }

    /// Returns the line in the file, from 1. Returns `None` for a variable, and for a file as a whole.
    pub fn line(&self) -> Option<usize> {
        self.at.position.map(|(line, _)| line)
    }

    /// Returns the column in that line, in characters, from 1.
    pub fn column(&self) -> Option<usize> {
        self.at.position.map(|(_, column)| column)
    }

    /// Returns the message, without the position.
    pub fn message(&self) -> &str {
        &self.what
    }
}

impl Origin {
    /// Returns whether it is a call of the builder that begins with this text.
    pub(crate) fn is_call(&self, start: &str) -> bool {
        self.position.is_none() && self.origin.starts_with(start)
    }

    /// Returns the position of a file or a variable as a whole.
    pub(crate) fn whole(origin: impl Into<Arc<str>>) -> Self {
        Self { origin: origin.into(), position: None }
    }
}

impl ConfigError {
    /// Returns the issues, in order of position.
    pub fn issues(&self) -> &[ConfigIssue] {
        &self.0
    }

    /// Returns an error with these issues, sorted by position, if there are any.
    pub(crate) fn of(issues: Vec<ConfigIssue>) -> Result<(), Self> {
        /// A text with more issues is probably not a settings file.
        const MAX_ISSUES: usize = 100;
        let mut first: Vec<ConfigIssue> = Vec::new();
        for issue in issues {
            let at = first.partition_point(|other| other.at.position <= issue.at.position);
            if at < MAX_ISSUES {
                first.insert(at, issue);
                first.truncate(MAX_ISSUES);
            }
        }
        if first.is_empty() { Ok(()) } else { Err(Self(first)) }
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
