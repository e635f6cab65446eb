//! The lines of access logs.

mod json;
mod target;
mod text;

use std::{borrow::Cow, net::IpAddr};

use actix_web::http::{Method, Uri};
use limiter_actix::Timestamp;

use self::text::TextParser;
use crate::args::Format;

/// A request of a log.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) client: IpAddr,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// The headers that the log has, if they were wanted.
    pub(crate) headers: Vec<(String, String)>,
}

/// The parts of a line.
#[derive(Debug, PartialEq)]
struct Fields<'a> {
    at: Timestamp,
    client: IpAddr,
    method: Cow<'a, str>,
    /// The path and the query, as the client sent them.
    target: Cow<'a, [u8]>,
    headers: Vec<(String, String)>,
}

impl Fields<'_> {
    fn entry(self) -> Result<Entry, Broken> {
        let Self { at, client, method, target, headers } = self;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Broken::Request)?;
        let uri = target::uri(&target).ok_or(Broken::Request)?;
        Ok(Entry { at, client, method, uri, headers })
    }
}

/// The reason why a line is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum Broken {
    #[error("longer than 64 KiB")]
    TooLong,
    #[error("no address of a client")]
    Client,
    #[error("no time")]
    Time,
    #[error("no HTTP request")]
    Request,
    #[error("no referrer and user agent")]
    Agent,
    #[error("no valid JSON")]
    Json,
    #[error("not in the format of --format")]
    OtherFormat,
}

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
    pub(crate) fn parse(&mut self, line: &[u8]) -> Option<Result<Entry, Broken>> {
        let line = line.trim_ascii();
        let first = line.first()?;
        let is_json = *first == b'{';
        let is_expected = match self.format {
            Format::Auto => true,
            Format::Common | Format::Combined => !is_json,
            Format::Nginx | Format::Caddy | Format::Traefik => is_json,
        };
        let fields = if !is_expected {
            Err(Broken::OtherFormat)
        } else if is_json {
            json::parse(line, self.format, self.wants_headers)
        } else {
            self.text.parse(line, self.format == Format::Combined, self.wants_headers)
        };
        Some(fields.and_then(Fields::entry))
    }
}

/// Splits `GET /path HTTP/1.1`. Old clients send no version.
fn request_line(line: &[u8]) -> Result<(&str, &[u8]), Broken> {
    let space = memchr::memchr(b' ', line).ok_or(Broken::Request)?;
    let (method, rest) = (&line[..space], line[space + 1..].trim_ascii_end());
    let target = match memchr::memrchr(b' ', rest) {
        Some(space) if rest[space + 1..].starts_with(b"HTTP/") => rest[..space].trim_ascii(),
        _ => rest,
    };
    let is_method =
        !method.is_empty() && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
    let method = str::from_utf8(method).ok().filter(|_| is_method && !target.is_empty());
    Ok((method.ok_or(Broken::Request)?, target))
}
