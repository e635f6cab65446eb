use std::sync::Arc;

use crate::{
    Policy,
    storage::{Hit, owned_hit::OwnedHit},
};

/// A hit, with the key and the server of its count.
pub(super) struct StoredHit {
    pub(super) hit: OwnedHit,
    /// The key of the count on its server.
    pub(super) key: Arc<str>,
    /// The index of the server.
    pub(super) server: usize,
}

impl StoredHit {
    pub(super) fn new(hit: &Hit<'_>, key: Arc<str>, server: usize) -> Self {
        Self { hit: hit.into(), key, server }
    }

    pub(super) fn policy(&self) -> &Policy {
        self.hit.policy()
    }
}
