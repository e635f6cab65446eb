//! The files of a limiter.

use std::{path::PathBuf, time::Duration};

/// The files of a limiter.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileSettings {
    /// The file with settings.
    pub(crate) settings: Option<PathBuf>,
    /// The interval at which it is read again.
    pub(crate) reload_every: Option<Duration>,
    /// The file with the counts of the memory storage.
    pub(crate) counts: Option<PathBuf>,
}
