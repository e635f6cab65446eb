//! Notes last until they end, in lists of their own.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    fixture::{Fixture, START},
    time::Time,
};
use crate::{
    Timestamp,
    storage::{Note, NoteList},
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const SECOND: Duration = Duration::from_secs(1);

/// Names and texts that a storage might confuse with its own separators.
const ODD: &[(&str, &str)] = &[
    ("192.0.2.1", "brute force"),
    ("2001:db8::/64", ""),
    ("user~0123456789abcdef", "a b  c"),
    ("(user~0+192.0.2.1)", "line\nfeed\r\n"),
    ("$now", "$$ROOT"),
    ("-", "\u{e4}\u{1f600}\0"),
    ("1 2 3", "9 9"),
];

pub(super) async fn run(fixture: &Fixture<'_>) {
    if !fixture.storage.has_notes() {
        return unsupported(fixture).await;
    }
    kept(fixture).await;
    replaced_and_removed(fixture).await;
    bounded(fixture).await;
    written_at_once(fixture).await;
    if fixture.time != Time::Own {
        ended(fixture).await;
    }
}

/// A list of notes in the storage under test.
struct TestList<'a> {
    fixture: &'a Fixture<'a>,
    name: String,
}

impl<'a> TestList<'a> {
    fn new(fixture: &'a Fixture<'a>) -> Self {
        Self { fixture, name: fixture.unique_name() }
    }

    async fn read_at(&self, known: Option<u64>, now: Timestamp) -> Option<NoteList> {
        self.fixture.storage.notes(&self.name, known, now).await.expect("the storage returns notes")
    }

    async fn read(&self) -> NoteList {
        self.read_at(None, START).await.expect("a list of an unknown version")
    }

    /// Returns the names of the notes, in order.
    async fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.read().await.notes.into_iter().map(|note| note.name).collect();
        names.sort_unstable();
        names
    }

    async fn put(&self, name: &str, text: &str, ends_in: Duration, max: usize) -> bool {
        let note = Note { name: name.to_owned(), text: text.to_owned(), ends_in };
        self.fixture.storage.put_note(&self.name, &note, max, START).await.expect("the storage keeps a note")
    }

    async fn remove(&self, name: &str) -> bool {
        self.fixture.storage.remove_note(&self.name, name, START).await.expect("the storage removes a note")
    }
}

async fn unsupported(fixture: &Fixture<'_>) {
    let list = fixture.unique_name();
    assert!(fixture.storage.notes(&list, None, START).await.is_err(), "it keeps no notes");
}

async fn kept(fixture: &Fixture<'_>) {
    let (list, other) = (TestList::new(fixture), TestList::new(fixture));
    assert_eq!(list.read().await.notes, []);
    for (name, text) in ODD {
        assert!(list.put(name, text, HOUR, 100).await, "{name}");
    }
    let read = list.read().await;
    assert_eq!(read.notes.len(), ODD.len());
    for (name, text) in ODD {
        let note = read.notes.iter().find(|note| note.name == *name).expect("each note is kept");
        assert_eq!(note.text, *text, "{name}");
        assert!(note.ends_in <= HOUR && note.ends_in > HOUR / 2, "{name}: {:?}", note.ends_in);
    }
    assert_eq!(other.read().await.notes, [], "lists are separate");
    assert_eq!(list.read_at(Some(read.version), START).await, None, "nothing has changed");
    assert!(list.put("new", "", Note::MAX_ENDS_IN * 2, 100).await, "a long time is shortened");
    let changed = list.read_at(Some(read.version), START).await.expect("a changed list");
    assert_ne!(changed.version, read.version);
    assert!(changed.notes.iter().any(|note| note.name == "new" && note.ends_in > Note::MAX_ENDS_IN / 2));
}

async fn replaced_and_removed(fixture: &Fixture<'_>) {
    let list = TestList::new(fixture);
    assert!(!list.remove("a").await, "there is no list");
    assert!(list.put("a", "first", HOUR, 10).await);
    assert!(list.put("a", "second", HOUR * 3, 10).await);
    let read = list.read().await;
    let [note] = &*read.notes else { panic!("one note of a name: {read:?}") };
    assert_eq!(note.text, "second");
    assert!(note.ends_in > HOUR * 2, "{:?}", note.ends_in);
    assert!(!list.remove("b").await);
    assert!(list.remove("a").await);
    assert!(!list.remove("a").await);
    let removed = list.read_at(Some(read.version), START).await.expect("a removal is a change");
    assert_eq!(removed.notes, []);
}

async fn bounded(fixture: &Fixture<'_>) {
    let list = TestList::new(fixture);
    assert!(list.put("a", "", HOUR, 2).await);
    assert!(list.put("b", "", HOUR, 2).await);
    assert!(!list.put("c", "", HOUR, 2).await, "the list is full");
    assert_eq!(list.names().await, ["a", "b"]);
    assert!(list.put("a", "again", HOUR, 2).await, "a note of the same name needs no room");
    assert!(list.remove("b").await);
    assert!(list.put("c", "", HOUR, 2).await);
    assert_eq!(list.names().await, ["a", "c"]);
}

async fn written_at_once(fixture: &Fixture<'_>) {
    let list = TestList::new(fixture);
    let names: Vec<_> = (10..30).map(|number| number.to_string()).collect();
    let done = join_all(names.iter().map(|name| list.put(name, "", HOUR, 100))).await;
    assert!(done.iter().all(|done| *done));
    assert_eq!(list.names().await, names, "no note is lost");
}

/// A note outlives a reset, which clears counts only.
pub(super) async fn outlive_a_reset(fixture: &Fixture<'_>) {
    if fixture.storage.has_notes() {
        let list = TestList::new(fixture);
        assert!(list.put("a", "", HOUR, 10).await);
        fixture.storage.reset().await.expect("the storage resets");
        assert_eq!(list.names().await, ["a"]);
    }
}

async fn ended(fixture: &Fixture<'_>) {
    let list = TestList::new(fixture);
    assert!(list.put("short", "", SECOND, 2).await);
    assert!(list.put("long", "", HOUR, 2).await);
    let just_before = START.after(SECOND.saturating_sub(Duration::from_millis(1)));
    assert_eq!(list.read_at(None, just_before).await.expect("a list").notes.len(), 2);
    let left = list.read_at(None, START.after(SECOND)).await.expect("a list").notes;
    let [note] = &*left else { panic!("one has ended: {left:?}") };
    assert_eq!((&*note.name, note.ends_in), ("long", HOUR.saturating_sub(SECOND)));

    let late = START.after(SECOND * 2);
    let note = |name: &str| Note { name: name.to_owned(), text: String::new(), ends_in: HOUR };
    let remove = fixture.storage.remove_note(&list.name, "short", late).await;
    assert!(!remove.expect("the storage removes a note"), "it has ended");
    let put = fixture.storage.put_note(&list.name, &note("third"), 2, late).await;
    assert!(put.expect("the storage keeps a note"), "an ended note takes no room");
}
