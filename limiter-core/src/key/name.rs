use std::fmt::Write;

use super::{Key, Repr};
use crate::name::{bounded, write_hash};

/// The maximum number of characters of a kind that appear in a name. The hash covers the whole kind.
const MAX_KIND_CHARS: usize = 16;

/// The maximum length of [`Key::stored_name`].
const MAX_STORED_LEN: usize = 200;

impl Key {
    /// Returns a name that is unique to this key and the same in every process, as storages use it.
    ///
    /// It shows addresses, and of a text its kind and a hash of its value. It has at most 200 bytes, all ASCII.
    ///
    /// ```
    /// use limiter_core::Key;
    ///
    /// assert_eq!(Key::address([192, 0, 2, 1].into(), 64).stored_name(), "192.0.2.1");
    /// assert!(Key::text("user", "alice").stored_name().starts_with("user~"));
    /// ```
    pub fn stored_name(&self) -> String {
        let mut name = String::with_capacity(40);
        self.write_name(&mut name);
        bounded(name, MAX_STORED_LEN)
    }

    /// Appends the name of this key, which is unique to it and the same in every process.
    ///
    /// An address becomes digits, `.`, `:` and letters up to `f`. A text contains a `~`; a pair is in parentheses.
    pub(crate) fn write_name(&self, name: &mut String) {
        match &self.0 {
            Repr::Missing => name.push('-'),
            Repr::Failed => name.push('!'),
            Repr::Unlimited => name.push('*'),
            Repr::Address(address) => {
                let _ = write!(name, "{address}");
            }
            Repr::Text { kind, value } => {
                let shown = kind.chars().filter(char::is_ascii_alphanumeric).take(MAX_KIND_CHARS);
                name.extend(shown);
                name.push('~');
                write_hash(&[kind, value], name);
            }
            Repr::Both(both) => {
                name.push('(');
                both.0.write_name(name);
                name.push('+');
                both.1.write_name(name);
                name.push(')');
            }
        }
    }
}
