//! Texts inside of other texts.

use std::fmt::{self, Display, Formatter, Write};

/// A text inside the quotes of a string of JSON (RFC 8259, section 7).
pub(super) struct Json<'a>(pub(super) &'a str);

/// A text between the tags of HTML.
pub(super) struct Html<'a>(pub(super) &'a str);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        escape(self.0, f, |char, f| match char {
            '"' => f.write_str("\\\""),
            '\\' => f.write_str("\\\\"),
            '\n' => f.write_str("\\n"),
            // The line separators end a line in old JavaScript.
            '\0'..='\x1f' | '\x7f' | '\u{2028}' | '\u{2029}' => write!(f, "\\u{:04x}", u32::from(char)),
            _ => f.write_char(char),
        })
    }
}

impl Display for Html<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        escape(self.0, f, |char, f| match char {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            _ => f.write_char(char),
        })
    }
}

fn escape(
    text: &str,
    f: &mut Formatter<'_>,
    one: impl Fn(char, &mut Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    text.chars().try_for_each(|char| one(char, f))
}
