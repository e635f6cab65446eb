//! Iterates over the hops in a header from the right.

use std::{net::IpAddr, slice};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::forwarded;
use crate::key::node;

/// The number of bytes read at most. No proxy writes further left.
const MAX_BYTES: usize = 8 * 1024;

/// The syntax of a forwarding header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Syntax {
    /// One address.
    Single,
    /// Addresses separated by commas.
    List,
    /// Elements with parameters (RFC 7239).
    Forwarded,
}

/// The hops of a header, the nearest first. Parses lazily.
pub(super) struct Hops<'a> {
    syntax: Syntax,
    /// The unread lines, the last of which is next.
    lines: slice::Iter<'a, HeaderValue>,
    /// The unread part of the current line.
    line: Option<&'a [u8]>,
    /// The number of bytes that may still be read.
    bytes: usize,
}

impl<'a> Hops<'a> {
    pub(super) fn new(headers: &'a HeaderMap, name: &HeaderName, syntax: Syntax) -> Self {
        let lines = headers.get_all(name);
        let lines = match syntax {
            // The last line is that of the nearest proxy.
            Syntax::Single => lines.as_slice().last().map_or(&[][..], slice::from_ref).iter(),
            Syntax::List | Syntax::Forwarded => lines,
        };
        Self { syntax, lines, line: None, bytes: MAX_BYTES }
    }

    /// Returns the next hop, or `None` if there is none or it has no address. Do not call it again after `None`.
    pub(super) fn next(&mut self) -> Option<IpAddr> {
        let line = match self.line.take() {
            Some(line) => line,
            None => self.lines.next_back()?.as_bytes(),
        };
        let unread = line.len().saturating_sub(self.bytes);
        let readable = &line[unread..];
        let (address, comma) = match self.syntax {
            Syntax::Single => (node::parse(readable.trim_ascii()), None),
            Syntax::List => last(readable),
            Syntax::Forwarded => forwarded::last(readable)?,
        };
        if comma.is_none() && unread > 0 {
            // The entry starts before the part that may be read.
            return None;
        }
        self.line = comma.map(|comma| &line[..unread + comma]);
        self.bytes -= readable.len() - comma.unwrap_or(0);
        address
    }
}

/// Returns the address of the last entry of a list, and the position of the comma before it.
///
/// An empty entry has no address, but is not skipped. A proxy writes it if it knows no address, and the client may
/// have written the entry before it.
fn last(line: &[u8]) -> (Option<IpAddr>, Option<usize>) {
    let comma = line.iter().rposition(|byte| *byte == b',');
    let entry = line[comma.map_or(0, |comma| comma + 1)..].trim_ascii();
    let unquoted = entry.strip_prefix(b"\"").and_then(|entry| entry.strip_suffix(b"\""));
    (node::parse(unquoted.unwrap_or(entry)), comma)
}
