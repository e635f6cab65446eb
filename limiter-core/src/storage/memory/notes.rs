//! The notes in memory.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;

use crate::{
    Timestamp,
    storage::{Note, NoteList, note::next_version},
};

/// All lists of notes. Few calls use them, so one lock is enough.
#[derive(Default)]
pub(super) struct NoteLists(Mutex<HashMap<Box<str>, StoredList>>);

#[derive(Default)]
struct StoredList {
    version: u64,
    /// The texts and ends of the notes, by name.
    notes: HashMap<String, (String, Timestamp)>,
}

/// A list on its way to a file and back.
pub(super) struct SavedList {
    pub(super) name: String,
    pub(super) version: u64,
    /// Names, texts and ends.
    pub(super) notes: Vec<(String, String, Timestamp)>,
}

impl NoteLists {
    /// Returns all lists with the notes that have not ended, for a file.
    pub(super) fn saved(&self, now: Timestamp) -> Vec<SavedList> {
        let lists = self.0.lock();
        let saved = lists.iter().map(|(name, list)| {
            let live = list.notes.iter().filter(|(_, (_, end))| *end > now);
            let notes = live.map(|(name, (text, end))| (name.clone(), text.clone(), *end));
            SavedList { name: name.to_string(), version: list.version, notes: notes.collect() }
        });
        saved.collect()
    }

    /// Adds the notes of a file to a list.
    pub(super) fn restore(&self, saved: SavedList) {
        let mut lists = self.0.lock();
        let list = lists.entry(saved.name.into()).or_default();
        list.version = list.version.max(saved.version);
        list.notes.extend(saved.notes.into_iter().map(|(name, text, end)| (name, (text, end))));
    }

    pub(super) fn list(&self, list: &str, known: Option<u64>, now: Timestamp) -> Option<NoteList> {
        let lists = self.0.lock();
        let Some(stored) = lists.get(list) else {
            return (known != Some(0)).then(NoteList::default);
        };
        (known != Some(stored.version)).then(|| stored.live(now))
    }

    /// Returns `false` if the list is full.
    pub(super) fn put(&self, list: &str, note: &Note, max: usize, now: Timestamp) -> bool {
        let mut lists = self.0.lock();
        let stored = lists.entry(list.into()).or_default();
        stored.notes.retain(|_, (_, end)| *end > now);
        if !stored.notes.contains_key(&note.name) && stored.notes.len() >= max {
            return false;
        }
        let end = now.after(note.ends_in.min(Note::MAX_ENDS_IN));
        stored.notes.insert(note.name.clone(), (note.text.clone(), end));
        stored.change(now);
        true
    }

    pub(super) fn remove(&self, list: &str, name: &str, now: Timestamp) -> bool {
        let mut lists = self.0.lock();
        let Some(stored) = lists.get_mut(list) else { return false };
        let removed = stored.notes.remove(name);
        if removed.is_some() {
            stored.change(now);
        }
        removed.is_some_and(|(_, end)| end > now)
    }
}

impl StoredList {
    fn change(&mut self, now: Timestamp) {
        self.version = next_version(self.version, now.as_nanos() / 1_000_000);
    }

    fn live(&self, now: Timestamp) -> NoteList {
        let left = |end: Timestamp| Duration::from_nanos(end.as_nanos().saturating_sub(now.as_nanos()));
        let notes = self.notes.iter().filter(|(_, (_, end))| *end > now).map(|(name, (text, end))| Note {
            name: name.clone(),
            text: text.clone(),
            ends_in: left(*end),
        });
        NoteList { version: self.version, notes: notes.collect() }
    }
}
