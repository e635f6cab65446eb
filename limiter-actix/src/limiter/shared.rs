//! A limiter while it runs: the settings that are in force, and how others come to be.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;

#[cfg(feature = "config-file")]
use crate::BuildError;
use crate::settings::Config;

/// What all clones and workers of a limiter share.
///
/// Settings change as a whole: a worker that sees a new generation takes all of it, and a request keeps the
/// generation it began with.
pub(crate) struct Shared {
    /// That of `current`, to be looked at without the lock.
    generation: AtomicU64,
    current: RwLock<Arc<Config>>,
    /// Reads the settings anew; none where they come from code alone.
    #[cfg(feature = "config-file")]
    pub(super) reload: Option<Reload>,
}

/// Reads settings anew and puts them in force. Returns `false` if they have not changed.
#[cfg(feature = "config-file")]
pub(super) type Reload = Box<dyn Fn(&Shared) -> Result<bool, BuildError> + Send + Sync>;

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            generation: AtomicU64::new(config.generation),
            current: RwLock::new(Arc::new(config)),
            #[cfg(feature = "config-file")]
            reload: None,
        }
    }

    /// What is in force now.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.current.read())
    }

    /// Whether this is still what is in force.
    pub(crate) fn is_current(&self, config: &Config) -> bool {
        self.generation.load(Ordering::Acquire) == config.generation
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        // Under the lock, or it could be lost to settings that are being replaced.
        self.current.read().enabled.store(enabled, Ordering::Relaxed);
    }

    /// Puts other settings in force. The switch stays as it is, unless they say otherwise than those before.
    #[cfg(feature = "config-file")]
    pub(crate) fn replace(&self, settings: crate::settings::Settings) {
        let mut current = self.current.write();
        let before = &current.settings;
        let enabled = if settings.enabled == before.enabled {
            current.enabled.load(Ordering::Relaxed)
        } else {
            settings.enabled
        };
        let generation = current.generation + 1;
        let health = Arc::clone(&current.health);
        *current = Arc::new(Config { generation, enabled: enabled.into(), health, settings });
        self.generation.store(generation, Ordering::Release);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("current", &self.current).finish_non_exhaustive()
    }
}
