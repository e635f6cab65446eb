//! Texts inside of other texts.

use std::fmt::Write;

/// Appends a text to go between the quotes of a string of JSON (RFC 8259, section 7).
pub(super) fn push_json(into: &mut String, text: &str) {
    // Most texts are of this kind, and bytes are read faster than characters.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        into.push_str(text);
        return;
    }
    let must_not_stand =
        |char: char| matches!(char, '"' | '\\' | '\u{2028}' | '\u{2029}') || char.is_control();
    push(into, text, must_not_stand, |into, char| match char {
        '"' => into.push_str("\\\""),
        '\\' => into.push_str("\\\\"),
        // Control characters, and the separators that end a line in old JavaScript.
        _ => {
            // Strings take all.
            let _ = write!(into, "\\u{:04x}", u32::from(char));
        }
    });
}

/// Appends a text to go between the tags of HTML.
pub(super) fn push_html(into: &mut String, text: &str) {
    let must_not_stand = |char| matches!(char, '&' | '<' | '>' | '"' | '\'');
    push(into, text, must_not_stand, |into, char| {
        into.push_str(match char {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            _ => "&#39;",
        });
    });
}

fn push(
    into: &mut String,
    mut text: &str,
    must_not_stand: impl Fn(char) -> bool,
    push_instead: impl Fn(&mut String, char),
) {
    while let Some((at, char)) = text.char_indices().find(|(_, char)| must_not_stand(*char)) {
        into.push_str(&text[..at]);
        push_instead(into, char);
        text = &text[at + char.len_utf8()..];
    }
    into.push_str(text);
}
