//! A limit that code hits by name.

use limiter_core::{Policy, Scope};

use crate::Limit;

/// A limit that code hits by name.
#[derive(Clone, Debug)]
pub(crate) struct NamedLimit {
    pub(crate) name: String,
    pub(crate) limit: Limit,
    pub(crate) scope: Scope,
    pub(crate) policy: Policy,
}
