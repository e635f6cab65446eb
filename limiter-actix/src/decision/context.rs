use std::{sync::Arc, time::Duration};

use limiter_core::{Key, Timestamp};

use crate::{report::decided_by::DecidedBy, settings::Settings};

/// The facts of a request that its refusal depends on.
pub(crate) struct DecisionContext<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) client: &'a Key,
    pub(crate) now: Timestamp,
    pub(crate) route: Option<&'a Arc<str>>,
    pub(crate) decided_by: DecidedBy,
    /// The wait of the meta limits that a refusal has spent.
    pub(crate) meta_wait: Option<Duration>,
    /// Set if only reservations under way refuse, so that it is no breach.
    pub(crate) is_by_reservations: bool,
    /// The name of the limit, for a manual check.
    pub(crate) manual: Option<&'a str>,
}
