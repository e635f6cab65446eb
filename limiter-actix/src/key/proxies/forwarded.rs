//! Parses the header `Forwarded` (RFC 7239) from the right.
//!
//! An element is read backwards, from its end to the comma before it, so that nothing further left affects it. If a
//! client sends `for="`, the rest does not become a string. A quoted string is unambiguous backwards too: its opening
//! quote follows a `=`, quotes within it follow an odd number of backslashes.

use std::net::IpAddr;

use crate::key::node;

/// Returns the address in `for` of the last element, and the position of the comma before the element.
///
/// Returns `None` if the element is malformed. An element without an address is not.
pub(super) fn last(line: &[u8]) -> Option<(Option<IpAddr>, Option<usize>)> {
    let mut rest = line.trim_ascii_end();
    let mut names = SeenParameters::default();
    let mut hop = None;
    loop {
        let (before, value) = split_value(rest)?;
        rest = before;
        if let Some(before) = rest.strip_suffix(b"=") {
            let (before, name) = split_last(before, is_token);
            rest = before;
            if names.add(name)? {
                hop = node::parse(value);
            }
        } else if !value.is_empty() {
            return None;
        }
        rest = rest.trim_ascii_end();
        match rest.split_last() {
            None => return Some((hop, None)),
            Some((b',', before)) => return Some((hop, Some(before.len()))),
            Some((b';', before)) => rest = before.trim_ascii_end(),
            Some(_) => return None,
        }
    }
}

/// The parameters seen in an element. Each may occur once.
#[derive(Default)]
struct SeenParameters {
    seen: [bool; 4],
}

impl SeenParameters {
    /// Adds a parameter. Returns whether it is `for`, or `None` if it is repeated or not a name.
    fn add(&mut self, name: &[u8]) -> Option<bool> {
        const KNOWN: [&[u8]; 4] = [b"for", b"by", b"host", b"proto"];
        if name.is_empty() {
            return None;
        }
        let Some(known) = KNOWN.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            return Some(false);
        };
        let was_seen = std::mem::replace(&mut self.seen[known], true);
        (!was_seen).then_some(known == 0)
    }
}

/// Splits the value off the end, and removes its quotes. Backslashes stay, since no address has one.
fn split_value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(text) = text.strip_suffix(b"\"") else {
        return Some(split_last(text, |byte| is_token(byte) || b":[]".contains(&byte)));
    };
    if is_escaped(text) {
        return None;
    }
    let mut end = text.len();
    loop {
        end = text[..end].iter().rposition(|byte| *byte == b'"')?;
        if !is_escaped(&text[..end]) {
            return Some((&text[..end], &text[end + 1..]));
        }
    }
}

/// Returns whether the next byte is escaped. A pair of backslashes is an escaped backslash.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Splits off the longest suffix of bytes that satisfy `is_part`.
fn split_last(text: &[u8], is_part: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let start = text.iter().rposition(|byte| !is_part(*byte)).map_or(0, |position| position + 1);
    text.split_at(start)
}

/// Returns whether a byte may occur in a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
