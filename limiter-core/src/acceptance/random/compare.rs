use crate::{acceptance::fixture::Fixture, storage::Decision};

/// Asserts that a storage has decided as the memory storage did.
pub(super) fn compare(fixture: &Fixture<'_>, actual: &Decision, expected: &Decision, context: &str) {
    assert_eq!(actual.verdict(), expected.verdict(), "{context}");
    for (actual, expected) in [(actual.guards(), expected.guards()), (actual.limits(), expected.limits())] {
        let [actual, expected] = [actual, expected]
            .map(|windows| -> Vec<_> { windows.iter().map(|window| fixture.comparable(window)).collect() });
        assert_eq!(actual, expected, "{context}");
    }
}
