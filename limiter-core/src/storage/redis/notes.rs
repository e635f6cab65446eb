//! Notes: one key for each list.

use std::time::Duration;

use redis::{Cmd, FromRedisValue, Value};

use super::{client::Client, error};
use crate::{
    Timestamp,
    name::{bounded, escape},
    storage::{Note, NoteList, StorageError},
};

/// The version of the stored contents, which is part of the key.
const VERSION: &str = "n1";

/// The maximum length of the name of a list in its key.
const MAX_LIST_LEN: usize = 128;

const LIST: &str = concat!(include_str!("notes/begin.lua"), include_str!("notes/list.lua"));
const PUT: &str = concat!(include_str!("notes/begin.lua"), include_str!("notes/put.lua"));
const REMOVE: &str = concat!(include_str!("notes/begin.lua"), include_str!("notes/remove.lua"));

/// The key of a list, and the time by which its scripts decide: `None` for that of the server.
pub(super) struct StoredList {
    key: String,
    time: Option<Timestamp>,
}

impl StoredList {
    /// `prefix` is that of the storage, without a version.
    pub(super) fn new(prefix: &str, list: &str, time: Option<Timestamp>) -> Self {
        let mut name = String::with_capacity(list.len());
        escape(list, &mut name);
        Self { key: format!("{prefix}:{VERSION}:{}", bounded(name, MAX_LIST_LEN)), time }
    }

    /// Returns the notes, unless the list still has the version `known`.
    pub(super) async fn read(
        &self,
        client: &Client,
        known: Option<u64>,
    ) -> Result<Option<NoteList>, StorageError> {
        let mut command = self.command(LIST);
        command.arg(known.map_or_else(|| "-".to_owned(), |version| version.to_string()));
        match self.send(client, &command).await? {
            Value::Nil => Ok(None),
            reply => parse(reply).map(Some).ok_or_else(error::unexpected_reply),
        }
    }

    /// Returns `false` if the list is full.
    pub(super) async fn put(&self, client: &Client, note: &Note, max: usize) -> Result<bool, StorageError> {
        let mut command = self.command(PUT);
        command.arg(&note.name).arg(note.ends_in_millis()).arg(&note.text).arg(max);
        self.is_done(client, &command).await
    }

    pub(super) async fn remove(&self, client: &Client, name: &str) -> Result<bool, StorageError> {
        let mut command = self.command(REMOVE);
        command.arg(name);
        self.is_done(client, &command).await
    }

    /// Returns the command that runs a script. It sends the code each time: such calls are few, and none is repeated.
    fn command(&self, code: &str) -> Cmd {
        let mut command = redis::cmd("EVAL");
        let time = self.time.map_or_else(String::new, |time| (time.as_nanos() / 1_000_000).to_string());
        command.arg(code).arg(1).arg(&self.key).arg(time);
        command
    }

    async fn is_done(&self, client: &Client, command: &Cmd) -> Result<bool, StorageError> {
        let reply = self.send(client, command).await?;
        let done: u8 = FromRedisValue::from_redis_value(reply).map_err(|_| error::unexpected_reply())?;
        Ok(done == 1)
    }

    async fn send(&self, client: &Client, command: &Cmd) -> Result<Value, StorageError> {
        client.send_for(&self.key, command).await.map_err(error::storage)
    }
}

/// Parses the reply of `list.lua`.
pub(super) fn parse(reply: Value) -> Option<NoteList> {
    let texts: Vec<String> = FromRedisValue::from_redis_value(reply).ok()?;
    let (version, notes) = texts.split_first()?;
    let (notes, rest) = notes.as_chunks::<3>();
    let notes = notes.iter().map(|[name, left, text]| {
        let ends_in = Duration::from_millis(left.parse().ok()?);
        Some(Note { name: name.clone(), text: text.clone(), ends_in })
    });
    let notes = notes.collect::<Option<_>>()?;
    rest.is_empty().then_some(NoteList { version: version.parse().ok()?, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Value {
        Value::Array(texts.iter().map(|text| Value::BulkString(text.as_bytes().to_vec())).collect())
    }

    #[test]
    fn only_whole_replies_are_parsed() {
        let note = Note { name: "a".into(), text: "b c".into(), ends_in: Duration::from_millis(1500) };
        let list = |notes| Some(NoteList { version: 7, notes });
        assert_eq!(parse(texts(&["7"])), list(vec![]));
        assert_eq!(parse(texts(&["7", "a", "1500", "b c"])), list(vec![note]));
        for broken in [&[][..], &["x"], &["7", "a"], &["7", "a", "1500"], &["7", "a", "-1", "b"]] {
            assert_eq!(parse(texts(broken)), None, "{broken:?}");
        }
        assert_eq!(parse(Value::Okay), None);
    }
}
