use std::time::Duration;

/// The clock by which a storage decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// The caller's time, to within `resolution`, which divides a millisecond. All tests run.
    Callers {
        /// The unit in which the storage counts time; durations are rounded up to it.
        resolution: Duration,
    },
    /// The storage's own clock. Tests that need time to pass are skipped. Give such a storage a mode that uses
    /// the caller's time, and test that too.
    Own,
}
