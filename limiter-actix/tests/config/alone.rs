//! What a file or the environment can set works in a program whose code uses none of it.

use limiter_test_support::alone::run_alone;

#[test]
fn options_of_a_file_work_in_a_process_that_uses_no_other() {
    run_alone(&[
        "environment::rules_are_lines_of_patterns",
        "file::name_message_and_own_meta_limits",
        "file::options_of_limits_in_a_file",
        "file::rules_by_pattern_in_a_file",
    ]);
}
