use std::sync::Arc;

use limiter_core::{Key, Timestamp};

use crate::{report::decided_by::DecidedBy, settings::Settings};

/// What a refusal must know of its request.
pub(crate) struct DecisionContext<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) client: &'a Key,
    pub(crate) now: Timestamp,
    pub(crate) route: Option<&'a Arc<str>>,
    pub(crate) decided_by: DecidedBy,
    /// The name of the limit, where code asks for it.
    pub(crate) manual: Option<&'a str>,
}
