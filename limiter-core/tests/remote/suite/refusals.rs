//! Errors of a backend instead of a decision, in words for the operator.

use std::error::Error;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, Storage},
};

use crate::server::{Server, uri};

/// The error of a storage that cannot decide, and its cause.
pub(crate) async fn error_of(storage: &impl Storage) -> String {
    let (scope, key) = (Scope::new(["refusals"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    let error = storage.decide(&Batch::new(&hits), Timestamp::default()).await.expect_err("it cannot decide");
    let cause = error.source().expect("it has a cause");
    assert!(storage.probe().await.is_err(), "a probe finds it, too");
    format!("{error}: {cause}")
}

/// Checks the error of a storage that cannot decide.
pub(crate) async fn expect_error(storage: &impl Storage, expected: &str) {
    let error = error_of(storage).await;
    assert!(error.contains(expected), "{error}");
}

pub(crate) fn a_prefix_is_plain_and_short<S: Server>() {
    for prefix in ["", "{a}", "a b", "a*", "a\n", &"a".repeat(65)] {
        let error = S::open_with_prefix(&uri::<S>(1), prefix).expect_err("the prefix is refused");
        assert!(error.to_string().contains("prefix"), "{error}");
    }
}
