//! Compiles each file of `fail` and `pass`. After a change of wording, `TRYBUILD=overwrite cargo test` writes
//! the messages anew.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/fail/*.rs");
    cases.pass("tests/pass/*.rs");
}
