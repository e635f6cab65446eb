//! The values of fields, safe to print.

use std::fmt::{self, Display, Write};

use tracing::{
    Value,
    field::{DisplayValue, display},
};

/// The longest text in a field, in characters. A longer one is cut and ends in `..`.
const MAX_CHARS: usize = 300;

/// A value that may be logged: a number, or a text that is escaped and cut.
pub trait Field {
    /// The value in the form of `tracing`.
    type Value: Value;

    /// Makes the value safe to print.
    fn field(self) -> Self::Value;
}

macro_rules! plain_fields {
    ($($plain:ty),*) => {
        $(impl Field for $plain {
            type Value = Self;

            fn field(self) -> Self {
                self
            }
        })*
    };
}

plain_fields!(bool, u32, u64, i64, usize);

impl Field for &str {
    type Value = String;

    fn field(self) -> String {
        EscapedValue(self).to_string()
    }
}

impl Field for Option<&str> {
    type Value = Option<String>;

    fn field(self) -> Option<String> {
        self.map(Field::field)
    }
}

/// Shows a value as it displays itself, escaped and cut.
pub fn shown<T: Display>(value: T) -> ShownValue<T> {
    ShownValue(value)
}

/// A value that is shown as it displays itself.
#[derive(Debug)]
pub struct ShownValue<T>(T);

impl<T: Display> Field for ShownValue<T> {
    type Value = DisplayValue<EscapedValue<T>>;

    fn field(self) -> Self::Value {
        display(EscapedValue(self.0))
    }
}

/// Shows a text of the operator as it is, such as the issues of a settings file. It must not contain text of a client.
pub fn verbatim<T: Display>(value: T) -> Verbatim<T> {
    Verbatim(value)
}

/// A text of the operator.
#[derive(Debug)]
pub struct Verbatim<T>(T);

impl<T: Display> Field for Verbatim<T> {
    type Value = DisplayValue<T>;

    fn field(self) -> Self::Value {
        display(self.0)
    }
}

/// Escapes all that is not printable, so that a line stays a line, and cuts a long text.
#[derive(Debug)]
pub struct EscapedValue<T>(T);

impl<T: Display> Display for EscapedValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaping = Escaping { f, left: MAX_CHARS };
        // Once cut, the rest of the text is not formatted.
        if write!(escaping, "{}", self.0).is_err() && escaping.left == 0 {
            return f.write_str("..");
        }
        Ok(())
    }
}

struct Escaping<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    left: usize,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            match char {
                // Quotes and apostrophes are printable.
                '"' | '\'' => self.f.write_char(char)?,
                _ => write!(self.f, "{}", char.escape_debug())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_in_their_line() {
        let escaped = |text: &str| text.field();
        for (text, expected) in [
            ("/users/{id}", "/users/{id}"),
            ("it's \"quoted\"", "it's \"quoted\""),
            ("a\nb\r\tc\0", "a\\nb\\r\\tc\\0"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\\n", "\\\\n"),
            ("\u{202e}\u{2028}\u{200b}", "\\u{202e}\\u{2028}\\u{200b}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("äö中", "äö中"),
        ] {
            assert_eq!(escaped(text), expected);
            assert_eq!(EscapedValue(text).to_string(), expected);
        }
    }

    #[test]
    fn texts_are_cut() {
        let exact = "ä".repeat(MAX_CHARS);
        assert_eq!(exact.as_str().field(), exact);
        let cut = format!("{exact}..");
        assert_eq!(format!("{exact}b").as_str().field(), cut);
        assert_eq!("ä".repeat(100_000).as_str().field(), cut);
    }

    #[test]
    fn a_text_that_does_not_end_is_cut() {
        struct Endless;
        impl Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("again ")?;
                }
            }
        }
        assert!(EscapedValue(Endless).to_string().len() < MAX_CHARS + 10);
    }
}
