//! The header `Forwarded` (RFC 7239), from the right.
//!
//! An element is read backwards, from its end to the comma before it, so that nothing further left has a say
//! in it: a client that sends `for="` does not make the rest a string. Backwards a quoted string is as plain as
//! forwards: the quote that opens it stands behind a `=`, those within it behind an odd number of backslashes.

use std::net::IpAddr;

use crate::key::node;

/// What the last element says in `for`, and where the comma before the element stands. None when the element is
/// malformed; an element without an address is not.
pub(super) fn last(line: &[u8]) -> Option<(Option<IpAddr>, Option<usize>)> {
    let mut rest = line.trim_ascii_end();
    let mut names = Names::default();
    let mut hop = None;
    loop {
        let (before, value) = value(rest)?;
        rest = before;
        if let Some(before) = rest.strip_suffix(b"=") {
            let (before, name) = split_last(before, is_token);
            rest = before;
            if names.add(name)? {
                hop = node::read(value);
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

/// Which parameters an element has had: each may stand there once.
#[derive(Default)]
struct Names {
    seen: [bool; 4],
}

impl Names {
    /// Whether it is `for`. None when it was there before, or is no name.
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

/// Takes the value off the end: what is before it, and the value without its quotes. Backslashes are left in:
/// no address has one.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
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

/// Whether what stands behind this is escaped: a pair of backslashes is one that is.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The longest end of such bytes, and what is before it.
fn split_last(text: &[u8], is_part: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let start = text.iter().rposition(|byte| !is_part(*byte)).map_or(0, |position| position + 1);
    text.split_at(start)
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
