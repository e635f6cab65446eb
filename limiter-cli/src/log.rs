//! The lines of access logs.

mod fields;
mod json;
mod target;
mod text;

pub(crate) use self::fields::{Entry, InvalidLine};
use self::{fields::Fields, text::TextParser};
use crate::args::Format;

/// Parses lines of one format, or of any.
pub(crate) struct Parser {
    format: Format,
    wants_headers: bool,
    text: TextParser,
}

impl Parser {
    pub(crate) fn new(format: Format, wants_headers: bool) -> Self {
        Self { format, wants_headers, text: TextParser::default() }
    }

    /// Parses a line. Returns `None` if it is empty.
    pub(crate) fn parse(&mut self, line: &[u8]) -> Option<Result<Entry, InvalidLine>> {
        let line = line.trim_ascii();
        let first = line.first()?;
        let is_json = *first == b'{';
        let is_expected = match self.format {
            Format::Auto => true,
            Format::Common | Format::Combined => !is_json,
            Format::Nginx | Format::Caddy | Format::Traefik => is_json,
        };
        let fields = if !is_expected {
            Err(InvalidLine::OtherFormat)
        } else if is_json {
            json::parse(line, self.format, self.wants_headers)
        } else {
            self.text.parse(line, self.format == Format::Combined, self.wants_headers)
        };
        Some(fields.and_then(Fields::entry))
    }
}
