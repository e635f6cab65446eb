//! What a program logs once, in a program that had no other reason to.

use limiter_test_support::alone::run_alone;

#[test]
fn a_limiter_on_the_place_is_not_missed_by_the_first_to_warn() {
    run_alone(&["where_limits_stand::limiter_on_the_place::a_limiter_that_has_the_rule_is_not_missed"]);
}
