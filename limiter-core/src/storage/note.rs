use std::time::Duration;

/// A short text that a storage keeps under a name until it ends, for all processes. Bans are notes.
///
/// Notes are no counts: no decision reads them, and a [reset](super::Storage::reset) leaves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The name, unique in its list.
    pub name: String,
    /// The text.
    pub text: String,
    /// The time until it ends. Storages with a clock of their own measure it by that.
    pub ends_in: Duration,
}

impl Note {
    /// The longest time until a note ends: 100 years of 365 days. A longer one is shortened to it.
    pub const MAX_ENDS_IN: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

    /// Returns the time until the note ends in whole milliseconds, rounded up.
    #[cfg(any(feature = "redis", feature = "memcached", feature = "mongodb"))]
    pub(super) fn ends_in_millis(&self) -> u64 {
        let millis = self.ends_in.min(Self::MAX_ENDS_IN).as_nanos().div_ceil(1_000_000);
        u64::try_from(millis).unwrap_or(u64::MAX)
    }
}

/// The notes of a list, in no particular order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteList {
    /// Changes whenever a note is added or removed, and not when one ends.
    pub version: u64,
    /// The notes that have not ended.
    pub notes: Vec<Note>,
}

/// Returns the version that follows `version`: the time of the change in milliseconds, or else the next number.
///
/// The time makes a list that was lost, and begun anew, differ from the one before.
pub(super) fn next_version(version: u64, now_millis: u64) -> u64 {
    version.saturating_add(1).max(now_millis)
}
