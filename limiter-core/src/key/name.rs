use std::fmt::Write;

use super::{Key, Repr};
use crate::name::write_hash;

/// How much of the kind of a text is shown; all of it is in the hash.
const MOST_OF_KIND: usize = 16;

impl Key {
    /// Appends a text that stands for this key in every process: no other key has it.
    ///
    /// Addresses are digits, `.`, `:` and letters up to `f`; texts hold a `~`, pairs stand in parentheses.
    pub(crate) fn write_name(&self, name: &mut String) {
        match &self.0 {
            Repr::Missing => name.push('-'),
            Repr::Failed => name.push('!'),
            Repr::Unlimited => name.push('*'),
            Repr::Address(address) => {
                let _ = write!(name, "{address}");
            }
            Repr::Text { kind, value } => {
                let shown = kind.chars().filter(char::is_ascii_alphanumeric).take(MOST_OF_KIND);
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
