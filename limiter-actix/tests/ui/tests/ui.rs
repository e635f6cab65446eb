//! Compiles each file of `fail`. After a change of wording, `TRYBUILD=overwrite cargo test` writes the messages anew.

#[test]
fn ui() {
    trybuild::TestCases::new().compile_fail("tests/fail/*.rs");
}
