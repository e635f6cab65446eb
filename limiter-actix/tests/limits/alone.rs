//! What code links on demand works in a program that uses only one such option.

use limiter_actix::{IntoRule, Key, Limit, LimiterBuilder, Quota};
use limiter_test_support::{
    alone::run_alone,
    play::{expect, ruled},
};

/// A test of each option. Where it plays on all storages, memory comes first.
const TESTS: &[&str] = &[
    "alone::only_a_cost_is_awaited",
    "alone::only_a_key_is_awaited",
    "alone::only_an_exemption_is_awaited",
    "alone::only_quotas_are_awaited",
    "alone::only_quotas_are_computed",
    "alone::only_the_filter_is_awaited",
    "alone::only_the_key_of_the_limiter_is_awaited",
    "afterwards::limits_with_async_functions_are_charged",
    "async_functions::a_rule_behind_a_guard_awaits_its_functions",
    "by_name::a_limit_of_a_route_is_read_and_cleared_by_its_name",
    "by_name::a_name_of_a_route_and_of_another_limit_is_logged",
    "by_name::levels_and_shared_names_are_names",
    "concurrent::concurrent_limits_are_declared_everywhere",
    "handler_checks::checks_at_once_have_one_result_and_charge_once",
    "matching::a_limit_on_a_pattern_with_methods",
    "metered::a_check_in_the_handler_is_settled_too",
    "metered::requests_that_are_dropped_or_fail_are_settled",
    "refunds::hanging_up_refunds_with_refund_on_drop",
];

#[test]
fn options_work_in_a_process_that_uses_only_one() {
    run_alone(TESTS);
}

/// Checks that a rule allows one request a day.
fn allows_one(limiter: impl FnOnce(LimiterBuilder) -> LimiterBuilder, rule: impl IntoRule + 'static) {
    let steps = [(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429")];
    expect(
        limiter,
        |app| {
            app.service(ruled("/a", rule, "a"));
        },
        &steps,
    );
}

fn daily(amount: u64) -> Limit {
    Limit::new(Quota::per_day(amount))
}

#[test]
fn only_a_cost_is_awaited() {
    allows_one(|it| it, daily(2).cost_async(async |_| 2_u64));
}

#[test]
fn only_a_key_is_awaited() {
    allows_one(|it| it, daily(1).key_async(async |_| Key::from("everybody")));
}

#[test]
fn only_an_exemption_is_awaited() {
    allows_one(|it| it, daily(1).exempt_when_async(async |_| false));
}

#[test]
fn only_quotas_are_awaited() {
    allows_one(|it| it, Limit::dynamic_async(async |_| Quota::per_day(1)));
}

#[test]
fn only_quotas_are_computed() {
    allows_one(|it| it, Limit::dynamic(|_| Quota::per_day(1)));
}

#[test]
fn only_the_filter_is_awaited() {
    allows_one(|it| it.request_filter_async(async |_| false), daily(1));
}

#[test]
fn only_the_key_of_the_limiter_is_awaited() {
    allows_one(|it| it.key_async(async |_| Key::from("everybody")), daily(1));
}
