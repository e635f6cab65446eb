//! The target of a request, as a URI.

use std::borrow::Cow;

use actix_web::http::Uri;

/// Returns the URI of a target. Bytes that no URI has are percent-encoded, as browsers do before they send them.
pub(super) fn uri(target: &[u8]) -> Option<Uri> {
    let is_plain = target.iter().all(|byte| is_allowed(*byte));
    let text = if is_plain { Cow::Borrowed(target) } else { Cow::Owned(encoded(target)) };
    let uri = Uri::try_from(&*text).ok()?;
    // That of CONNECT has no path, and no route either.
    (!uri.path().is_empty()).then_some(uri)
}

fn encoded(target: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

    let mut text = Vec::with_capacity(target.len() + 16);
    for byte in target {
        if is_allowed(*byte) {
            text.push(*byte);
        } else {
            text.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
    text
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> Option<String> {
        uri(bytes).map(|uri| uri.to_string())
    }

    #[test]
    fn targets_are_uris() {
        for (bytes, expected) in [
            (&b"/a%20b?c=d"[..], "/a%20b?c=d"),
            (b"/a b\"\xff<\n", "/a%20b%22%FF%3C%0A"),
            (b"http://example.com/a", "http://example.com/a"),
            (b"*", "*"),
        ] {
            assert_eq!(shown(bytes).as_deref(), Some(expected), "{bytes:?}");
        }
        for bytes in [&b"example.com:443"[..], b"a/b"] {
            assert_eq!(shown(bytes), None, "{bytes:?}");
        }
    }
}
