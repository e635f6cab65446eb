//! Reads settings from a TOML file.

mod addresses;
mod keys;
mod limits;
mod option_value;
mod reader;
mod responses;
mod rules;
mod top;

use std::{fs, io::Read, path::PathBuf, sync::Arc};

use toml::de::DeTable;

use self::reader::Reader;
use super::{config_error::Origin, partial::PartialSettings};
use crate::{ConfigError, ConfigIssue};

/// The maximum length of a file, in bytes.
const MAX_FILE_LEN: u64 = 1 << 20;

/// A settings file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
}

impl File {
    pub(crate) fn origin(&self) -> Arc<str> {
        self.path.display().to_string().into()
    }

    /// Returns the text of the file.
    pub(crate) fn read(&self) -> Result<String, ConfigError> {
        let issue = |error: String| ConfigError::from(ConfigIssue::new(Origin::whole(self.origin()), error));
        let mut text = Vec::new();
        let read =
            fs::File::open(&self.path).and_then(|file| file.take(MAX_FILE_LEN + 1).read_to_end(&mut text));
        read.map_err(|error| issue(format!("unreadable file: {error}")))?;
        if text.len() as u64 > MAX_FILE_LEN {
            return Err(issue(format!("expected at most {MAX_FILE_LEN} bytes")));
        }
        String::from_utf8(text).map_err(|error| issue(format!("expected UTF-8: {}", error.utf8_error())))
    }

    /// Parses the text into settings and issues.
    pub(crate) fn parse(&self, text: &str) -> PartialSettings {
        let mut reader = Reader::new(self.origin(), text);
        match DeTable::parse(text) {
            Ok(table) => reader.top(table.get_ref()),
            Err(error) => {
                let at = error.span().map_or(text.len(), |span| span.start);
                reader.error(at, error.message().trim());
                PartialSettings { issues: reader.issues, ..PartialSettings::default() }
            }
        }
    }
}
