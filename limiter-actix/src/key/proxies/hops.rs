//! The hops that a header lists, from the right.

use std::{net::IpAddr, slice};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::forwarded;
use crate::key::node;

/// What is read of a header. The rest is too far left to be of a proxy.
const MAX_BYTES: usize = 8 * 1024;

/// How a header tells addresses.
#[derive(Clone, Copy, Debug)]
pub(super) enum Syntax {
    /// One address.
    Single,
    /// Addresses with commas between them.
    List,
    /// Elements with parameters (RFC 7239).
    Forwarded,
}

/// The hops of a header, the nearest first. It reads no further than it is asked to.
pub(super) struct Hops<'a> {
    syntax: Syntax,
    /// The lines left, the last of which is next.
    lines: slice::Iter<'a, HeaderValue>,
    /// What is left of the line at hand.
    line: Option<&'a [u8]>,
    /// How many bytes may still be read.
    bytes: usize,
}

impl<'a> Hops<'a> {
    pub(super) fn new(headers: &'a HeaderMap, name: &HeaderName, syntax: Syntax) -> Self {
        let lines = headers.get_all(name);
        let lines = match syntax {
            // Of several lines, the nearest proxy's is the last.
            Syntax::Single => lines.as_slice().last().map_or(&[][..], slice::from_ref).iter(),
            Syntax::List | Syntax::Forwarded => lines,
        };
        Self { syntax, lines, line: None, bytes: MAX_BYTES }
    }

    /// The next hop. None when there is none or it has no address; nothing further left is to be believed then.
    pub(super) fn next(&mut self) -> Option<IpAddr> {
        let line = match self.line.take() {
            Some(line) => line,
            None => self.lines.next_back()?.as_bytes(),
        };
        let unread = line.len().saturating_sub(self.bytes);
        let readable = &line[unread..];
        let (address, comma) = match self.syntax {
            Syntax::Single => (node::read(readable.trim_ascii()), None),
            Syntax::List => last(readable),
            Syntax::Forwarded => forwarded::last(readable)?,
        };
        if comma.is_none() && unread > 0 {
            // It begins where nothing is read any more.
            return None;
        }
        self.line = comma.map(|comma| &line[..unread + comma]);
        self.bytes -= readable.len() - comma.unwrap_or(0);
        address
    }
}

/// The address of the last entry of a list, and where the comma before it stands.
///
/// An empty entry is one without an address, not one to pass over: it is what a proxy writes that knows no
/// address, and what stands before it may be the client's.
fn last(line: &[u8]) -> (Option<IpAddr>, Option<usize>) {
    let comma = line.iter().rposition(|byte| *byte == b',');
    let entry = line[comma.map_or(0, |comma| comma + 1)..].trim_ascii();
    let unquoted = entry.strip_prefix(b"\"").and_then(|entry| entry.strip_suffix(b"\""));
    (node::read(unquoted.unwrap_or(entry)), comma)
}
