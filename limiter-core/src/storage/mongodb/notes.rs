//! Notes: one document for each list.
//!
//! Field `l` is the array of notes, each with its name `n`, its end `e` and its text `t`. Field `v` is the version, and
//! `e` the time when the server deletes the document. Instants are milliseconds.

use std::time::Duration;

use mongodb::{
    Collection,
    bson::{Bson, Document, doc},
};

use super::{
    command::UpdateCommand,
    error,
    expression::{
        add, and, array, call, concat_arrays, cond, field, filter, if_null, literal, lt, map, max, ne,
        number, size, var,
    },
    pipeline::ClockSource,
};
use crate::{
    name::{bounded, escape},
    storage::{Note, NoteList, StorageError},
};

/// The version of the schema, a part of the document ids.
const VERSION: &str = "n1";

/// The maximum length of the name of a list in its id.
const MAX_LIST_LEN: usize = 128;

/// A list of notes in a collection.
pub(super) struct StoredList {
    pub(super) collection: Collection<Document>,
    pub(super) id: String,
    pub(super) clock: ClockSource,
}

/// Returns the id of a list. `prefix` is that of the storage, without a version.
pub(super) fn id(prefix: &str, list: &str) -> String {
    let mut name = String::with_capacity(list.len());
    escape(list, &mut name);
    format!("{prefix}:{VERSION}:{}", bounded(name, MAX_LIST_LEN))
}

impl StoredList {
    /// Returns the notes, unless the list still has the version `known`.
    pub(super) async fn read(self, known: Option<u64>) -> Result<Option<NoteList>, StorageError> {
        let is_known = known.map_or(Bson::Boolean(false), |known| call("$eq", [field("v"), number(known)]));
        let fields = doc! {
            "_id": 0, "v": 1, "now": self.time(), "l": cond(is_known, var("REMOVE"), field("l")),
        };
        let found = self.collection.find_one(doc! { "_id": &self.id }).projection(fields).await;
        match found.map_err(error::storage)? {
            None => Ok((known != Some(0)).then(NoteList::default)),
            Some(found) => parse(&found, known),
        }
    }

    /// Returns `false` if the list is full.
    pub(super) async fn put(self, note: &Note, max: usize) -> Result<bool, StorageError> {
        let added = doc! {
            "n": literal(&note.name),
            "e": add(self.clock.now(), number(note.ends_in_millis())),
            "t": literal(&note.text),
        };
        let has_room = lt(size(field("l")), number(max.try_into().unwrap_or(u64::MAX)));
        let with_note = concat_arrays([field("l"), array([added.into()])]);
        let pipeline = vec![
            doc! { "$set": { "l": self.others(&note.name) } },
            doc! { "$set": { "l": cond(has_room, with_note, field("l")) } },
            self.change(),
        ];
        self.update(pipeline, true, doc! { "_id": 0, "done": has(&note.name) }).await
    }

    pub(super) async fn remove(self, name: &str) -> Result<bool, StorageError> {
        let live = filter(field("l"), self.is_live());
        let had = call("$in", [literal(name), map(live, var("this.n"))]);
        let pipeline = vec![
            doc! { "$set": { "done": had } },
            doc! { "$set": { "l": self.others(name) } },
            self.change(),
        ];
        self.update(pipeline, false, doc! { "_id": 0, "done": 1 }).await
    }

    async fn update(
        self,
        pipeline: Vec<Document>,
        upsert: bool,
        fields: Document,
    ) -> Result<bool, StorageError> {
        let command = UpdateCommand { id: self.id, pipeline, upsert };
        let found = command.find_and_update(&self.collection, fields).await.map_err(error::storage)?;
        Ok(found.is_some_and(|found| found.get_bool("done").unwrap_or(false)))
    }

    /// Returns the time for a projection.
    fn time(&self) -> Bson {
        match self.clock.now() {
            number @ Bson::Int64(_) => doc! { "$literal": number }.into(),
            server => server,
        }
    }

    /// Returns the condition on a note that it has not ended.
    fn is_live(&self) -> Bson {
        lt(self.clock.now(), var("this.e"))
    }

    /// Returns the live notes of other names.
    fn others(&self, name: &str) -> Bson {
        let condition = and([ne(var("this.n"), literal(name)), self.is_live()]);
        filter(if_null(field("l"), array([])), condition)
    }

    /// Returns the stage that follows a change.
    fn change(&self) -> Document {
        let version = add(if_null(field("v"), number(0)), number(1));
        doc! { "$set": {
            "v": max(version, self.clock.now()),
            "e": { "$toDate": if_null(doc! { "$max": "$l.e" }.into(), self.clock.now()) },
        } }
    }
}

/// Returns whether the list has a note of this name.
fn has(name: &str) -> Bson {
    call("$in", [literal(name), field("l.n")])
}

/// Parses the reply to a read. Returns `None` if the list still has the version `known`.
pub(super) fn parse(found: &Document, known: Option<u64>) -> Result<Option<NoteList>, StorageError> {
    let version = found.get_i64("v").ok().and_then(|version| u64::try_from(version).ok());
    let version = version.ok_or_else(error::unexpected_reply)?;
    if known == Some(version) {
        return Ok(None);
    }
    let notes = live_notes(found).ok_or_else(error::unexpected_reply)?;
    Ok(Some(NoteList { version, notes }))
}

fn live_notes(found: &Document) -> Option<Vec<Note>> {
    let now = found.get_i64("now").ok()?;
    let mut notes = Vec::new();
    for note in found.get_array("l").ok()? {
        let note = note.as_document()?;
        let left = u64::try_from(note.get_i64("e").ok()?.saturating_sub(now)).unwrap_or(0);
        if left > 0 {
            let text = |name| note.get_str(name).ok().map(str::to_owned);
            notes.push(Note { name: text("n")?, text: text("t")?, ends_in: Duration::from_millis(left) });
        }
    }
    Some(notes)
}
