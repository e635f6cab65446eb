//! What code links on demand works in a program that uses only one such option.

use limiter_test_support::alone::run_alone;

/// A test of each option. Where it plays on all storages, memory comes first.
const TESTS: &[&str] = &[
    "async_functions::a_key_is_awaited_and_falls_back_to_the_limiters_key",
    "async_functions::a_rule_behind_a_guard_awaits_its_functions",
    "async_functions::costs_and_exemptions_are_awaited",
    "async_functions::quotas_are_awaited",
    "by_name::a_limit_of_a_route_is_read_and_cleared_by_its_name",
    "by_name::a_name_of_a_route_and_of_another_limit_is_logged",
    "by_name::dynamic_limits_are_only_cleared",
    "by_name::levels_and_shared_names_are_names",
    "concurrent::they_are_declared_everywhere",
    "dynamic::dynamic_limits_on_all_tiers",
    "dynamic::meta_limits_by_a_function",
    "handler_checks::checks_at_once_have_one_result_and_charge_once",
    "matching::a_limit_on_a_pattern_with_methods",
    "refunds::hanging_up_refunds_with_refund_on_drop",
];

#[test]
fn options_work_in_a_process_that_uses_only_one() {
    run_alone(TESTS);
}
