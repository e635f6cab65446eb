//! Escapes text for JSON and HTML.

use std::fmt::Write;

/// Appends text for a string in JSON (RFC 8259, section 7).
pub(super) fn push_json(into: &mut String, text: &str) {
    // Most texts need no escapes, and bytes are faster to scan than characters.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        into.push_str(text);
        return;
    }
    let must_escape = |char: char| matches!(char, '"' | '\\' | '\u{2028}' | '\u{2029}') || char.is_control();
    push(into, text, must_escape, |into, char| match char {
        '"' => into.push_str("\\\""),
        '\\' => into.push_str("\\\\"),
        // Control characters, and the separators that end a line in old JavaScript.
        _ => {
            // Writing to a string never fails.
            let _ = write!(into, "\\u{:04x}", u32::from(char));
        }
    });
}

/// Appends text for HTML.
pub(super) fn push_html(into: &mut String, text: &str) {
    let must_escape = |char| matches!(char, '&' | '<' | '>' | '"' | '\'');
    push(into, text, must_escape, |into, char| {
        into.push_str(match char {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            _ => "&#39;",
        });
    });
}

/// Returns text for HTML.
#[cfg(feature = "inspector")]
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    push_html(&mut escaped, text);
    escaped
}

fn push(
    into: &mut String,
    mut text: &str,
    must_escape: impl Fn(char) -> bool,
    push_escaped: impl Fn(&mut String, char),
) {
    while let Some((at, char)) = text.char_indices().find(|(_, char)| must_escape(*char)) {
        into.push_str(&text[..at]);
        push_escaped(into, char);
        text = &text[at + char.len_utf8()..];
    }
    into.push_str(text);
}
