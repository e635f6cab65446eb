use std::time::Duration;

use limiter_core::log::Throttle;

/// The target of log events about single requests.
pub(super) const TARGET: &str = "limiter_actix::breach";

/// The throttles of the log events that requests can cause, for one limiter over all its workers.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Refusals, and what else is logged of single requests.
    pub(super) requests: Throttle,
    pub(super) banned: Throttle,
    pub(crate) banned_by_rule: Throttle,
    pub(crate) ban_failed: Throttle,
    pub(crate) invalid_quota: Throttle,
    pub(crate) unsupported: Throttle,
    pub(crate) refund_failed: Throttle,
    pub(crate) never_passes: Throttle,
    pub(crate) other_handler: Throttle,
    pub(crate) dynamic_failed: Throttle,
    pub(crate) key_failed: Throttle,
    pub(crate) async_failed: Throttle,
    pub(crate) rewritten: Throttle,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            requests: Throttle::new(None, 100, Duration::from_secs(1)),
            banned: Throttle::of("L040"),
            banned_by_rule: Throttle::of("L042"),
            ban_failed: Throttle::of("L043"),
            invalid_quota: Throttle::of("L001"),
            unsupported: Throttle::of("L004"),
            refund_failed: Throttle::of("L006"),
            never_passes: Throttle::of("L008"),
            other_handler: Throttle::of("L009"),
            dynamic_failed: Throttle::of("L014"),
            key_failed: Throttle::of("L014"),
            async_failed: Throttle::of("L017"),
            rewritten: Throttle::of("L015"),
        }
    }
}
