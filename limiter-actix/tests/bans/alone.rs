//! Bans work in a program that has no other option whose code is linked on demand.

use limiter_test_support::alone::run_alone;

#[test]
fn bans_work_in_a_process_without_other_options() {
    run_alone(&[
        "by_rule::the_last_breach_bans_and_tells_the_wait",
        "outages::bans_in_memory_need_no_runtime",
        "requests::a_banned_client_is_refused_before_anything_is_counted",
        "requests::bans_and_passes_end_at_their_time",
    ]);
}
