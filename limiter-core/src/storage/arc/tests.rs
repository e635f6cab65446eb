use std::time::Duration;

use parking_lot::Mutex;

use super::*;
use crate::{
    Key, Quota, Scope, Strategy,
    storage::{StorageError, Verdict},
};

/// A storage that records the methods called, and returns what no default does.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<&'static str>>);

impl Recorder {
    fn called<'a, T>(&self, method: &'static str) -> Answer<'a, T> {
        self.0.lock().push(method);
        Answer::Ready(Err(StorageError::new(method)))
    }
}

impl Storage for Recorder {
    fn decide<'a>(&'a self, _: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        assert_eq!(now, NOW);
        self.0.lock().push("decide");
        Answer::ready(Decision::new(Verdict::Admitted, [], []))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        assert_eq!((taken.len(), now), (0, NOW));
        self.called("refund")
    }

    fn has_leases(&self) -> bool {
        true
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        assert_eq!((taken.len(), now), (0, NOW));
        self.called("renew")
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        assert_eq!(hits.len(), 1);
        self.called("clear")
    }

    fn clear_client<'a>(&'a self, _: &'a Key, _: &'a Scope) -> Answer<'a, bool> {
        self.called("clear_client")
    }

    fn client_scopes<'a>(&'a self, _: &'a Key, _: &'a Scope) -> Answer<'a, Option<Vec<String>>> {
        self.called("client_scopes")
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.called("reset")
    }

    fn probe(&self) -> Answer<'_, ()> {
        self.called("probe")
    }

    fn has_notes(&self) -> bool {
        true
    }

    fn notes<'a>(
        &'a self,
        list: &'a str,
        known: Option<u64>,
        now: Timestamp,
    ) -> Answer<'a, Option<NoteList>> {
        assert_eq!((list, known, now), ("list", Some(3), NOW));
        self.called("notes")
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        assert_eq!((list, &*note.name, max, now), ("list", "name", 5, NOW));
        self.called("put_note")
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        assert_eq!((list, name, now), ("list", "name", NOW));
        self.called("remove_note")
    }

    fn has_deadline(&self) -> bool {
        true
    }

    fn is_local(&self) -> bool {
        true
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        Err(PolicyError::BurstWithoutBucket(policy.strategy()))
    }
}

const NOW: Timestamp = Timestamp::from_millis(7);

fn message<T>(answer: Answer<'_, T>) -> String {
    match answer {
        Answer::Ready(Err(error)) => error.to_string(),
        _ => panic!("the recorder answers at once"),
    }
}

/// Calls each method through the implementation for the type, not through a deref of it.
fn call_each<S: Storage>(storage: &S) {
    let (scope, key) = (Scope::new(["a"]), Key::from("b"));
    let policy = Policy::new(Quota::per_minute(5), Strategy::MovingWindow);
    let batch = Batch::default();
    assert!(matches!(storage.decide(&batch, NOW), Answer::Ready(Ok(decision)) if decision.is_admitted()));
    assert_eq!(message(storage.refund(&[], NOW)), "refund");
    assert_eq!(message(storage.renew(&[], NOW)), "renew");
    assert_eq!(message(storage.clear(&[Hit::new(&scope, &key, &policy)])), "clear");
    assert_eq!(message(storage.clear_client(&key, &scope)), "clear_client");
    assert_eq!(message(storage.client_scopes(&key, &scope)), "client_scopes");
    assert_eq!(message(storage.reset()), "reset");
    assert_eq!(message(storage.probe()), "probe");
    let note = Note { name: "name".into(), text: String::new(), ends_in: Duration::from_secs(1) };
    assert_eq!(message(storage.notes("list", Some(3), NOW)), "notes");
    assert_eq!(message(storage.put_note("list", &note, 5, NOW)), "put_note");
    assert_eq!(message(storage.remove_note("list", "name", NOW)), "remove_note");
    assert!(storage.has_deadline() && storage.is_local() && storage.has_notes() && storage.has_leases());
    let error = storage.check(&policy).unwrap_err();
    assert_eq!(error, PolicyError::BurstWithoutBucket(Strategy::MovingWindow));
}

#[test]
fn every_method_of_a_shared_storage_is_forwarded() {
    let methods = [
        "decide",
        "refund",
        "renew",
        "clear",
        "clear_client",
        "client_scopes",
        "reset",
        "probe",
        "notes",
        "put_note",
        "remove_note",
    ];

    let storage = Arc::new(Recorder::default());
    call_each::<Arc<Recorder>>(&storage);
    assert_eq!(*storage.0.lock(), methods);

    call_each::<Arc<dyn Storage>>(&(Arc::clone(&storage) as Arc<dyn Storage>));
    assert_eq!(storage.0.lock()[methods.len()..], methods);
}

/// The use case: a deadline for a storage that is chosen at run time.
#[cfg(feature = "remote")]
#[test]
fn a_shared_storage_can_be_wrapped() {
    use crate::storage::Resilient;

    let storage: Arc<dyn Storage> = Arc::new(Recorder::default());
    let storage = Resilient::new(storage);
    assert!(storage.is_local());
}
