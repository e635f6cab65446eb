use std::{fmt, sync::Arc, time::Duration};

use limiter_core::{Timestamp, storage::Note};

/// A ban or a pass of a client, or of a network.
///
/// The response to a banned client has it in the extensions of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    name: Arc<str>,
    is_pass: bool,
    reason: Arc<str>,
    end: Timestamp,
}

impl Ban {
    /// The maximum number of bans and passes under one key prefix.
    pub const MAX_COUNT: usize = 10_000;

    /// The maximum length of a reason, in bytes.
    pub const MAX_REASON_LEN: usize = 200;

    pub(super) fn new(name: &str, is_pass: bool, reason: &str, end: Timestamp) -> Self {
        Self { name: name.into(), is_pass, reason: reason.into(), end }
    }

    /// Reads a note. Returns `None` for one of a later version, which may mean anything.
    pub(super) fn from_note(note: &Note, now: Timestamp) -> Option<Self> {
        let (is_pass, reason) = match note.text.split_at_checked(1)? {
            ("b", reason) => (false, reason),
            ("p", reason) => (true, reason),
            _ => return None,
        };
        Some(Self::new(&note.name, is_pass, reason, now.after(note.ends_in)))
    }

    /// Returns the note of this ban, which ends in so much time.
    pub(super) fn note(&self, ends_in: Duration) -> Note {
        let kind = if self.is_pass { "p" } else { "b" };
        Note { name: self.name.to_string(), text: format!("{kind}{}", self.reason), ends_in }
    }

    /// Returns whether this is a pass, which lifts all limits.
    pub fn is_pass(&self) -> bool {
        self.is_pass
    }

    /// Returns the client: an address, a network, or the kind and a hash of any other key.
    ///
    /// Storages do not keep the values of keys, which may be secrets.
    pub fn client(&self) -> &str {
        &self.name
    }

    /// Returns the reason as it was given. It may be empty.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the end, by the limiter's clock.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    pub(crate) fn time_left(&self, now: Timestamp) -> Duration {
        Duration::from_nanos(self.end.as_nanos().saturating_sub(now.as_nanos()))
    }
}

/// Shows the client, and a reason with its control characters escaped: `192.0.2.1: scraping`.
impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.reason.is_empty() {
            write!(f, ": {}", printable(&self.reason))?;
        }
        Ok(())
    }
}

/// Returns a text with its control characters escaped.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}
