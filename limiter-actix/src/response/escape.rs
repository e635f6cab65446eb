//! Escapes text for HTML.

/// Appends text for HTML.
pub(super) fn push_html(into: &mut String, mut text: &str) {
    let escape = |char| match char {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    };
    while let Some((at, escaped)) = text.char_indices().find_map(|(at, char)| Some((at, escape(char)?))) {
        into.push_str(&text[..at]);
        into.push_str(escaped);
        // Each of these characters is one byte.
        text = &text[at + 1..];
    }
    into.push_str(text);
}

/// Returns text for HTML.
#[cfg(feature = "inspector")]
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    push_html(&mut escaped, text);
    escaped
}
