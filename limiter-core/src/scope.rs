//! Scopes: sets of requests that share a count.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::digest::Digest;

/// A set of requests that share a count: a route, a named group of routes or a whole application.
///
/// Two scopes are equal exactly when their parts are equal, part by part: `["a", "b"]` is neither `["ab"]` nor
/// `["a", "b", ""]`. Cloning is cheap.
#[derive(Clone)]
pub struct Scope {
    parts: Arc<[Box<str>]>,
    /// The digest of the parts. A hit adds only its key and policy.
    digest: Digest,
}

impl Scope {
    /// Creates a scope from its parts, outermost first.
    #[must_use]
    pub fn new<P: AsRef<str>>(parts: impl IntoIterator<Item = P>) -> Self {
        let parts: Arc<[Box<str>]> = parts.into_iter().map(|part| part.as_ref().into()).collect();
        let mut digest = Digest::new();
        digest.word(0, parts.len() as u64);
        for part in &*parts {
            digest.text(part);
        }
        Self { parts, digest }
    }

    /// Returns the parts, outermost first.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| &**part)
    }

    /// Returns whether both scopes have the same parts, by comparing digests.
    #[inline]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Returns whether the scope begins with the parts of another one and has more.
    #[cfg(feature = "remote")]
    pub(crate) fn is_inside(&self, outer: &Self) -> bool {
        self.parts.len() > outer.parts.len() && self.parts.starts_with(&outer.parts)
    }

    /// Returns the digest of the parts, to which a hit adds the rest of its identity.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Scope {}

impl Hash for Scope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts.hash(state);
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.parts).finish()
    }
}
