//! The way to a limiter: a running one, or its storage.

use std::env;

use serde_json::Value;

use super::{inspector::Inspector, storage::StoredLimiter};
use crate::{
    args::{InspectorArguments, StorageArguments},
    outcome::Failure,
};

pub(super) enum Connection {
    Running(Inspector),
    Stored(Box<StoredLimiter>),
}

const STORAGE: &str = "LIMITER_STORAGE";

impl Connection {
    /// Chooses by the arguments, and then by the environment.
    pub(super) fn new(running: &InspectorArguments, stored: &StorageArguments) -> Result<Self, Failure> {
        let uri = env::var(STORAGE).ok().filter(|uri| !uri.is_empty());
        if running.inspector.is_some() && stored.is_given() {
            return Err(Failure::Usage("expected --inspector or --storage, not both".to_owned()));
        }
        if stored.is_given() || (uri.is_some() && running.inspector.is_none()) {
            if !stored.is_given() && Inspector::is_in_environment() {
                let expected =
                    "expected one of LIMITER_INSPECTOR and LIMITER_STORAGE, or --inspector or --storage";
                return Err(Failure::Usage(expected.to_owned()));
            }
            return Ok(Self::Stored(Box::new(StoredLimiter::new(stored, uri)?)));
        }
        Inspector::new(running).map(Self::Running)
    }

    /// Gets a part of the interface.
    pub(super) fn get(&self, name: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        match self {
            Self::Running(inspector) => inspector.get(name, query),
            Self::Stored(limiter) => limiter.get(name, query),
        }
    }

    /// Gets what is known about a client. Of a storage, that is also where it has counts.
    pub(super) fn client(&self, client: &str) -> Result<Value, Failure> {
        match self {
            Self::Running(inspector) => inspector.get("client", &[("client", client)]),
            Self::Stored(limiter) => limiter.client(client),
        }
    }

    /// Makes a change.
    pub(super) fn change(&self, change: &Value) -> Result<Value, Failure> {
        match self {
            Self::Running(inspector) => inspector.change(change),
            Self::Stored(limiter) => limiter.change(change),
        }
    }
}
