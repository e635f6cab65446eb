//! The parts of a line.

use std::{borrow::Cow, net::IpAddr};

use actix_web::http::{Method, Uri};
use limiter_actix::Timestamp;

use super::target;

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
pub(super) struct Fields<'a> {
    pub(super) at: Timestamp,
    pub(super) client: IpAddr,
    pub(super) method: Cow<'a, str>,
    /// The path and the query, as the client sent them.
    pub(super) target: Cow<'a, [u8]>,
    pub(super) headers: Vec<(String, String)>,
}

impl Fields<'_> {
    pub(super) fn entry(self) -> Result<Entry, InvalidLine> {
        let Self { at, client, method, target, headers } = self;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| InvalidLine::Request)?;
        let uri = target::uri(&target).ok_or(InvalidLine::Request)?;
        Ok(Entry { at, client, method, uri, headers })
    }
}

/// The reason why a line is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum InvalidLine {
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

/// Splits `GET /path HTTP/1.1`. Old clients send no version.
pub(super) fn request_line(line: &[u8]) -> Result<(&str, &[u8]), InvalidLine> {
    let space = memchr::memchr(b' ', line).ok_or(InvalidLine::Request)?;
    let (method, rest) = (&line[..space], line[space + 1..].trim_ascii_end());
    let target = match memchr::memrchr(b' ', rest) {
        Some(space) if rest[space + 1..].starts_with(b"HTTP/") => rest[..space].trim_ascii(),
        _ => rest,
    };
    let is_method =
        !method.is_empty() && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
    let method = str::from_utf8(method).ok().filter(|_| is_method && !target.is_empty());
    Ok((method.ok_or(InvalidLine::Request)?, target))
}
