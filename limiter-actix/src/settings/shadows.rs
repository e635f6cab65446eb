//! Limits that an operator has set to shadow, or to refuse again, at run time.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use crate::{Limit, LimitOrigin, report::route_limits::quota_text};

/// The limits whose option `shadow` is changed at run time, by the texts that lists show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shadows(Arc<BTreeMap<String, bool>>);

impl Shadows {
    /// Returns these with one more change. `None` undoes the change of a limit.
    pub(crate) fn with(&self, limit: &str, is_shadow: Option<bool>) -> Self {
        let mut all = (*self.0).clone();
        match is_shadow {
            Some(is_shadow) => all.insert(limit.to_owned(), is_shadow),
            None => all.remove(limit),
        };
        Self(Arc::new(all))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns a limit as it is changed.
    pub(crate) fn apply<'a>(&self, limit: &'a Limit, origin: &LimitOrigin) -> Cow<'a, Limit> {
        let set = (!self.0.is_empty()).then(|| self.0.get(&id(limit, origin))).flatten();
        match set {
            Some(is_shadow) if *is_shadow != limit.shadow => Cow::Owned(limit.clone().shadow(*is_shadow)),
            _ => Cow::Borrowed(limit),
        }
    }
}

/// Returns the text of a limit in lists.
fn id(limit: &Limit, origin: &LimitOrigin) -> String {
    format!("{} ({})", quota_text(limit.source.quota()), origin.place())
}
