//! The limits with names that are bound under these settings.

use std::{collections::HashMap, sync::Arc};

use limiter_core::{Policy, Scope};
use parking_lot::Mutex;

use crate::{
    Limit, OnStorageFailure,
    limit::{callback::Text, quota_source::Source},
};

/// The limits with names that are bound under these settings, so that code hits and clears them by name.
#[derive(Debug, Default)]
pub(crate) struct BoundNames(Mutex<HashMap<(Scope, Policy), NamedBinding>>);

/// A limit with a name, bound to a scope.
#[derive(Clone, Debug)]
pub(crate) struct NamedBinding {
    pub(crate) name: Arc<str>,
    /// `true` if its quota is computed from the request.
    pub(crate) is_dynamic: bool,
    pub(crate) on_storage_failure: Option<OnStorageFailure>,
}

/// The maximum number of limits. An app with more has many routes, or dynamic limits with ever new quotas.
const MAX_NAMES: usize = 10_000;

impl NamedBinding {
    /// Returns the binding of a limit, if it has a name.
    pub(crate) fn of(limit: &Limit) -> Option<Self> {
        let shared = match &limit.shared {
            Some(Text::Fixed(name)) => Some(name),
            _ => None,
        };
        Some(Self {
            name: Arc::clone(limit.name.as_ref().or(shared)?),
            is_dynamic: matches!(limit.source, Source::Dynamic(_)),
            on_storage_failure: limit.on_storage_failure,
        })
    }
}

impl BoundNames {
    /// Adds a limit, if it has a name.
    pub(crate) fn add(&self, scope: &Scope, policy: &Policy, binding: Option<&NamedBinding>) {
        let Some(binding) = binding else { return };
        let mut all = self.0.lock();
        if all.len() < MAX_NAMES {
            all.insert((scope.clone(), policy.clone()), binding.clone());
        }
    }

    /// Returns the limits of this name.
    pub(crate) fn find(&self, name: &str) -> Vec<(Scope, Policy, NamedBinding)> {
        let all = self.0.lock();
        let named = all.iter().filter(|(_, binding)| *binding.name == *name);
        named.map(|((scope, policy), binding)| (scope.clone(), policy.clone(), binding.clone())).collect()
    }

    /// Returns all names, in alphabetical order.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.0.lock().values().map(|binding| Arc::clone(&binding.name)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
