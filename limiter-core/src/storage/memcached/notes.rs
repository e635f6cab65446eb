//! Notes: one value for each list, changed by compare-and-swap.
//!
//! Servers have no clock that a client could read, so ends are instants of the clocks of the clients.

use std::{fmt::Write, sync::Arc, time::Duration};

use super::{
    cas_round::pause_before,
    connection::RuntimeConnection,
    error::MemcachedError,
    expiry,
    protocol::{Commands, Condition, MAX_VALUE_LEN, Reply},
    servers::Servers,
};
use crate::{
    Timestamp,
    storage::{Note, NoteList, note::next_version},
};

/// The longest list in bytes. With its key it must fit in 1 MiB, the usual maximum of a server.
const MAX_LIST_LEN: usize = 1_000_000;

/// The maximum number of attempts to change a list.
const MAX_ATTEMPTS: u32 = 64;

const MILLI: u64 = 1_000_000;

const _: () = assert!(MAX_LIST_LEN < MAX_VALUE_LEN);

/// A list of notes on a server.
pub(super) struct StoredList<'a> {
    pub(super) servers: &'a Servers,
    pub(super) server: usize,
    pub(super) key: String,
    /// The time of the caller in milliseconds.
    pub(super) now: u64,
}

/// The contents of a list.
#[derive(Debug, Default, PartialEq, Eq)]
struct ListRecord {
    version: u64,
    notes: Vec<NoteRecord>,
}

#[derive(Debug, PartialEq, Eq)]
struct NoteRecord {
    /// In milliseconds since the epoch.
    end: u64,
    name: String,
    text: String,
}

impl<'a> StoredList<'a> {
    pub(super) fn new(servers: &'a Servers, server: usize, key: String, now: Timestamp) -> Self {
        Self { servers, server, key, now: now.as_nanos() / MILLI }
    }

    /// Returns the notes, unless the list still has the version `known`.
    pub(super) async fn read(&self, known: Option<u64>) -> Result<Option<NoteList>, MemcachedError> {
        let connections = self.servers.connections_to([self.server])?;
        let Some((_, connection)) = connections.first() else { return Err(MemcachedError::ENDED) };
        let reading = self.servers.watch(&connections, self.get(connection));
        let (list, _) = reading.await?;
        Ok((known != Some(list.version)).then(|| list.live(self.now)))
    }

    /// Returns `false` if the list is full.
    pub(super) async fn put(&self, note: &Note, max: usize) -> Result<bool, MemcachedError> {
        let changed = self.change(|list| {
            list.notes.retain(|other| other.end > self.now && other.name != note.name);
            let end = self.now.saturating_add(note.ends_in_millis());
            let has_room = list.notes.len() < max;
            list.notes.push(NoteRecord { end, name: note.name.clone(), text: note.text.clone() });
            has_room.then_some(true)
        });
        changed.await
    }

    pub(super) async fn remove(&self, name: &str) -> Result<bool, MemcachedError> {
        let changed = self.change(|list| {
            let at = list.notes.iter().position(|note| note.name == name)?;
            Some(list.notes.swap_remove(at).end > self.now)
        });
        changed.await
    }

    /// Changes the list, and starts over if another process has changed it in between. Returns `false` if `change`
    /// returns `None`, or the list becomes too long.
    async fn change(&self, change: impl Fn(&mut ListRecord) -> Option<bool>) -> Result<bool, MemcachedError> {
        // A version is valid only on the connection where it was read.
        let connections = self.servers.connections_to([self.server])?;
        let Some((_, connection)) = connections.first() else { return Err(MemcachedError::ENDED) };
        let changing = async {
            for attempt in 0..MAX_ATTEMPTS {
                pause_before(attempt).await;
                let (mut list, condition) = self.get(connection).await?;
                let Some(result) = change(&mut list) else { return Ok(false) };
                list.version = next_version(list.version, self.now);
                match self.set(connection, &list, condition).await? {
                    SetResult::Stored => return Ok(result),
                    SetResult::TooLong => return Ok(false),
                    SetResult::Changed => {}
                }
            }
            Err(MemcachedError::CONTENDED)
        };
        self.servers.watch(&connections, changing).await
    }

    async fn get(
        &self,
        connection: &Arc<RuntimeConnection>,
    ) -> Result<(ListRecord, Condition), MemcachedError> {
        let mut commands = Commands::default();
        commands.get(&self.key);
        match self.send(connection, commands).await? {
            Reply::Absent => Ok((ListRecord::default(), Condition::Absent)),
            // A text that another program wrote is replaced.
            Reply::Value(cas, text) => {
                Ok((ListRecord::parse(&text).unwrap_or_default(), Condition::Version(cas)))
            }
            Reply::Failed(text) => Err(MemcachedError::from_server(&text)),
            _ => Err(MemcachedError::UNEXPECTED),
        }
    }

    async fn set(
        &self,
        connection: &Arc<RuntimeConnection>,
        list: &ListRecord,
        condition: Condition,
    ) -> Result<SetResult, MemcachedError> {
        let text = list.text();
        if text.len() > MAX_LIST_LEN {
            return Ok(SetResult::TooLong);
        }
        let latest = list.notes.iter().map(|note| note.end).max().unwrap_or(self.now);
        let exptime = expiry::exptime(latest.saturating_sub(self.now).saturating_mul(MILLI));
        let mut commands = Commands::default();
        commands.set(&self.key, &text, exptime, condition);
        match self.send(connection, commands).await? {
            Reply::Done(_) => Ok(SetResult::Stored),
            // The value that had the version may be gone.
            Reply::Changed | Reply::Absent => Ok(SetResult::Changed),
            // The server has a smaller maximum.
            Reply::Failed(text) if text.contains("too large") => Ok(SetResult::TooLong),
            Reply::Failed(text) => Err(MemcachedError::from_server(&text)),
            _ => Err(MemcachedError::UNEXPECTED),
        }
    }

    async fn send(
        &self,
        connection: &Arc<RuntimeConnection>,
        commands: Commands,
    ) -> Result<Reply, MemcachedError> {
        let replies = self.servers.connections[self.server].send(connection, commands).await?;
        replies.into_iter().next().ok_or(MemcachedError::UNEXPECTED)
    }
}

/// The result of an attempt to write a list.
enum SetResult {
    Stored,
    /// Another process has changed the list.
    Changed,
    TooLong,
}

impl ListRecord {
    fn live(self, now: u64) -> NoteList {
        let notes = self.notes.into_iter().filter(|note| note.end > now).map(|note| Note {
            ends_in: Duration::from_millis(note.end - now),
            name: note.name,
            text: note.text,
        });
        NoteList { version: self.version, notes: notes.collect() }
    }

    /// Returns the version, then for each note its end and the lengths of its name and text, and both.
    fn text(&self) -> String {
        let mut text = format!("{}\n", self.version);
        for NoteRecord { end, name, text: own } in &self.notes {
            // Writing to a `String` never fails.
            let _ = writeln!(text, "{end} {} {} {name}{own}", name.len(), own.len());
        }
        text
    }

    /// Parses the result of [`text`](Self::text). Returns `None` for any other text.
    fn parse(text: &str) -> Option<Self> {
        let (version, mut rest) = text.split_once('\n')?;
        let mut list = Self { version: version.parse().ok()?, notes: Vec::new() };
        while !rest.is_empty() {
            let mut parts = rest.splitn(4, ' ');
            let (end, name_len, text_len) = (parts.next()?, parts.next()?, parts.next()?);
            let (name, after) = parts.next()?.split_at_checked(name_len.parse().ok()?)?;
            let (own, after) = after.split_at_checked(text_len.parse().ok()?)?;
            rest = after.strip_prefix('\n')?;
            list.notes.push(NoteRecord { end: end.parse().ok()?, name: name.into(), text: own.into() });
        }
        Some(list)
    }
}

/// Checks that a text is parsed as the list that it writes, if it is one.
#[cfg(feature = "fuzz")]
pub(super) fn check_parser(text: &str) {
    if let Some(list) = ListRecord::parse(text) {
        assert_eq!(ListRecord::parse(&list.text()).as_ref(), Some(&list), "{text:?}");
        let _ = list.live(u64::MAX / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_parsed_as_it_was_written() {
        let note = |end, name: &str, text: &str| NoteRecord { end, name: name.into(), text: text.into() };
        let notes =
            vec![note(7, "192.0.2.1", "two\nlines\r\n"), note(8, "", ""), note(9, "a b", "ü 1 2 3 x\n")];
        for list in [ListRecord::default(), ListRecord { version: u64::MAX, notes }] {
            assert_eq!(ListRecord::parse(&list.text()), Some(list));
        }
    }

    #[test]
    fn other_texts_are_no_lists() {
        for text in [
            "",
            "1",
            "x\n",
            "1\n2",
            "1\n2 1 1 a\n",
            "1\n2 1 1 ab",
            "1\n2 1 1 abc\n",
            "1\n2 -1 1 ab\n",
            "1\n2 1 1 \u{fc}\n",
        ] {
            assert_eq!(ListRecord::parse(text), None, "{text:?}");
        }
    }
}
