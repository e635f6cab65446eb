//! Calls from a thread without an async runtime: they work or fail with a clear error, and never panic.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Batch, Hit, Note, Refund, Resilient, Storage, StorageError},
};
use tokio::runtime::Runtime;

use crate::{client::PATIENCE, server::Server};

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, without a runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}

/// The defect: a call outside of a runtime panicked.
pub(crate) fn no_call_panics_outside_of_a_runtime<S: Server>() {
    let server = S::start();
    check(&server.storage());
    check_resilient(server.storage());
}

/// Calls a storage from a plain thread; each error must name what is missing.
pub(crate) fn check(storage: &impl Storage) {
    let scopes = ["one", "other"].map(|name| Scope::new([name]));
    let keys = ["one", "other"].map(Key::from);
    let policy = Policy::new(Quota::per_day(1000), Strategy::FixedWindow);
    let hits = [Hit::new(&scopes[0], &keys[0], &policy), Hit::new(&scopes[1], &keys[1], &policy)];
    let now = Timestamp::default();
    // Of one client and of several, as some storages have different ways for them.
    for hits in [&hits[..1], &hits] {
        let decided = block_on(storage.decide(&Batch::new(hits), now));
        expect(&decided);
        let refunds: Vec<_> =
            decided.iter().flat_map(|decision| hits.iter().zip(decision.limits())).map(refund).collect();
        expect(&block_on(storage.refund(&refunds, now)));
        expect(&block_on(storage.clear(hits)));
    }
    let note = Note { name: "a".into(), text: String::new(), ends_in: Duration::from_secs(60) };
    expect(&block_on(storage.put_note("bans", &note, 10, now)));
    expect(&block_on(storage.notes("bans", None, now)));
    expect(&block_on(storage.remove_note("bans", "a", now)));
    expect(&block_on(storage.probe()));
    // Some storages have none.
    let _ = block_on(storage.reset());
}

fn refund<'a>((hit, window): (&Hit<'a>, &Window)) -> Refund<'a> {
    Refund::new(*hit, window)
}

fn expect<T>(outcome: &Result<T, StorageError>) {
    if let Err(error) = outcome {
        assert!(error.to_string().contains("requires Tokio"), "{error:?}");
    }
}

/// The same behind a breaker, which such calls do not open.
pub(crate) fn check_resilient(storage: impl Storage + 'static) {
    let resilient = Resilient::new(storage).deadline(PATIENCE);
    for _ in 0..3 {
        check(&resilient);
    }
    assert!(!resilient.is_open());
    Runtime::new().expect("a runtime").block_on(resilient.probe()).expect("in a runtime it works");
}
