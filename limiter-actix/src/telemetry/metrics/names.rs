//! The names of all metrics.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};

pub(super) const REQUESTS: &str = "limiter_requests_total";
pub(super) const DECISION_SECONDS: &str = "limiter_decision_seconds";
pub(super) const LIMIT_HITS: &str = "limiter_limit_hits_total";
pub(super) const LIMIT_REFUSALS: &str = "limiter_limit_refusals_total";
pub(super) const LIMIT_SHADOW_REFUSALS: &str = "limiter_limit_shadow_refusals_total";
pub(super) const LIMIT_NEAR: &str = "limiter_limit_near_total";
pub(super) const STORAGE_ERRORS: &str = "limiter_storage_errors_total";
pub(super) const STORAGE_FAILING: &str = "limiter_storage_failing";
pub(super) const LOCAL_REFUSALS: &str = "limiter_local_refusals_total";
pub(super) const MEMORY_KEYS: &str = "limiter_memory_keys";
pub(super) const MEMORY_EVICTIONS: &str = "limiter_memory_evictions_total";

/// Tells the recorder what they are.
pub(super) fn describe() {
    describe_counter!(REQUESTS, "Requests that limits were decided for, by outcome and by who has decided");
    describe_histogram!(DECISION_SECONDS, Unit::Seconds, "Time that the storage took to decide a request");
    describe_counter!(LIMIT_HITS, "Requests that a limit has admitted");
    describe_counter!(LIMIT_REFUSALS, "Requests that a limit has refused");
    describe_counter!(LIMIT_SHADOW_REFUSALS, "Requests that a limit in shadow would have refused");
    describe_counter!(LIMIT_NEAR, "Admitted requests that have left less than a fifth of a limit");
    describe_counter!(STORAGE_ERRORS, "Calls of the storage that failed");
    describe_gauge!(STORAGE_FAILING, "Limiters whose storage fails, so that others decide for it");
    describe_counter!(LOCAL_REFUSALS, "Decisions to refuse for which the storage was not asked");
    describe_gauge!(MEMORY_KEYS, "Keys held in memory");
    describe_counter!(MEMORY_EVICTIONS, "Live counts that had to leave a full memory");
    // There from the start, so that its absence is not taken for zero.
    gauge!(STORAGE_FAILING).increment(0);
}
