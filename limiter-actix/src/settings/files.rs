//! The files of a limiter.

use std::{path::PathBuf, time::Duration};

/// The files of a limiter.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileSettings {
    /// The file with settings. Only the feature `config-file` reads it.
    #[cfg_attr(
        not(any(feature = "config-file", feature = "inspector")),
        expect(dead_code, reason = "it stays empty")
    )]
    pub(crate) settings: Option<PathBuf>,
    /// The interval at which it is read again.
    #[cfg_attr(
        not(any(feature = "config-file", feature = "inspector")),
        expect(dead_code, reason = "it stays empty")
    )]
    pub(crate) reload_every: Option<Duration>,
    /// The file with the counts of the memory storage.
    pub(crate) counts: Option<PathBuf>,
}
