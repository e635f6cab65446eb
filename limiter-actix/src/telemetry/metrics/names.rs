//! The names and descriptions of all metrics.

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

/// Describes all metrics to the recorder.
pub(super) fn describe() {
    describe_counter!(REQUESTS, "Requests that had limits, by outcome and by who decided");
    describe_histogram!(DECISION_SECONDS, Unit::Seconds, "Time the storage took to decide a request");
    describe_counter!(LIMIT_HITS, "Requests that the limit admitted");
    describe_counter!(LIMIT_REFUSALS, "Requests that the limit refused");
    describe_counter!(LIMIT_SHADOW_REFUSALS, "Requests that a shadow limit would have refused");
    describe_counter!(LIMIT_NEAR, "Admitted requests that left less than a fifth of the limit");
    describe_counter!(STORAGE_ERRORS, "Failed storage calls");
    describe_gauge!(STORAGE_FAILING, "Limiters of this process whose storage is failing");
    describe_counter!(LOCAL_REFUSALS, "Refusals repeated without a storage call");
    describe_gauge!(MEMORY_KEYS, "Keys in memory");
    describe_counter!(MEMORY_EVICTIONS, "Live counts evicted from a full memory");
    // Present from the start, so that a scrape distinguishes zero from missing.
    gauge!(STORAGE_FAILING).increment(0);
}
