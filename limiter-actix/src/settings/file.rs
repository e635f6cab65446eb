//! Settings from a file in TOML.

mod addresses;
mod answers;
mod keys;
mod limits;
mod reader;
mod rules;
mod top;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::de::DeTable;

use self::reader::{Reader, Value};
use super::{config_error::At, partial::Layer};
use crate::{BuildError, ConfigError, ConfigIssue, Limiter, LimiterBuilder};

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// A file of settings.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
}

impl LimiterBuilder {
    /// Reads settings from a file in TOML, of at most 1 MiB. What code says goes before what the environment says,
    /// and that before what the file says, in whatever order the builder is called. The settings and their names
    /// are in [the documentation][page].
    ///
    /// The file is read by [`build`](Self::build), which fails when it cannot be read and when anything in it is
    /// wrong, and tells all issues at once, with their lines. It is read again by [`Limiter::reload`], and as often
    /// as [`reload_every`](Self::reload_every) says.
    ///
    /// [page]: https://github.com/actix-limiter/actix-limiter/blob/main/docs/configuration.md#the-file
    pub fn from_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(File { path: path.into() });
        self
    }
}

/// Checks a file of settings without running anything: for the tests of an app, or before a deployment.
///
/// It says what [`from_file`](LimiterBuilder::from_file) and [`build`](LimiterBuilder::build) would say if neither
/// code nor the environment said anything.
///
/// ```no_run
/// # fn main() -> Result<(), limiter_actix::BuildError> {
/// limiter_actix::check_file("limits.toml")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// All that is wrong with the file.
pub fn check_file(path: impl AsRef<Path>) -> Result<(), BuildError> {
    let file = File { path: path.as_ref().to_owned() };
    let layer = file.layer(&file.read()?);
    Limiter::builder().settings(Some(&layer), None).map(drop)
}

impl File {
    pub(crate) fn origin(&self) -> Arc<str> {
        self.path.display().to_string().into()
    }

    /// The text.
    pub(crate) fn read(&self) -> Result<String, ConfigError> {
        let wrong = |what: String| ConfigError::from(ConfigIssue::new(At::whole(self.origin()), what));
        let mut text = Vec::new();
        let read = fs::File::open(&self.path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut text));
        read.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        if text.len() as u64 > LONGEST {
            return Err(wrong(format!("expected at most {LONGEST} bytes")));
        }
        String::from_utf8(text).map_err(|error| wrong(format!("expected UTF-8: {}", error.utf8_error())))
    }

    /// What the text says, and what is wrong with it.
    pub(crate) fn layer(&self, text: &str) -> Layer {
        let mut reader = Reader::new(self.origin(), text);
        match DeTable::parse(text) {
            Ok(table) => reader.top(table.get_ref()),
            Err(error) => {
                let at = error.span().map_or(text.len(), |span| span.start);
                reader.wrong(at, error.message().trim());
                Layer { issues: reader.issues, ..Layer::default() }
            }
        }
    }
}
