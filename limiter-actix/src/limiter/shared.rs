//! The state of a running limiter, and the replacement of its settings.

use std::{
    fmt, io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;

use super::{
    route_maps::RouteMaps,
    state_file::{INTERVAL, StateFile, StateKeeper},
};
#[cfg(feature = "config-file")]
use crate::BuildError;
use crate::settings::{Config, Settings};

/// The state that all clones and workers of a limiter share.
///
/// Settings change as a whole. A worker that sees a new generation takes all of it, and a request keeps the
/// generation that it began with.
pub(crate) struct Shared {
    /// The generation of `current`, readable without the lock.
    generation: AtomicU64,
    current: RwLock<Arc<Config>>,
    pub(super) route_maps: RouteMaps,
    /// Writes the counts of the memory storage to their file, and once more when it is dropped. Empty if they end with the
    /// process.
    write_state: OnceLock<WriteState>,
    /// Reads the settings again. `None` if there is no file.
    #[cfg(feature = "config-file")]
    pub(super) reload: Option<Reload>,
}

/// Owns the [`StateKeeper`]. A function, so that the linker leaves it out of programs without such a file.
type WriteState = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

/// Reads settings again, and applies them. Returns `false` if they have not changed.
#[cfg(feature = "config-file")]
pub(super) type Reload = Box<dyn Fn(&Shared) -> Result<bool, BuildError> + Send + Sync>;

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            generation: AtomicU64::new(config.generation),
            current: RwLock::new(Arc::new(config)),
            route_maps: RouteMaps::default(),
            write_state: OnceLock::new(),
            #[cfg(feature = "config-file")]
            reload: None,
        }
    }

    /// Keeps the counts in this file from now on.
    ///
    /// # Errors
    ///
    /// If there is no thread for it.
    pub(crate) fn keep_state(&self, file: StateFile) -> io::Result<()> {
        let keeper = StateKeeper::start(file, INTERVAL)?;
        // A limiter has one file.
        drop(self.write_state.set(Box::new(move || keeper.write())));
        Ok(())
    }

    /// Writes the counts to their file, if they have one.
    pub(super) fn write_state(&self) -> io::Result<()> {
        self.write_state.get().map_or(Ok(()), |write| write())
    }

    /// Returns the current settings.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.current.read())
    }

    /// Returns whether these settings are still current.
    #[inline]
    pub(crate) fn is_current(&self, config: &Config) -> bool {
        self.generation.load(Ordering::Acquire) == config.generation
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        // Under the lock, since settings that are being replaced would lose the change.
        self.current.read().enabled.store(enabled, Ordering::Relaxed);
    }

    /// Replaces the settings. The switch stays as it is, unless its setting has changed, and so do the shadow limits of
    /// operators.
    #[cfg(feature = "config-file")]
    pub(crate) fn replace(&self, settings: Settings) {
        self.change(|before, is_enabled| {
            let is_same = settings.enabled == before.enabled;
            let shadows = before.shadows.clone();
            (if is_same { is_enabled } else { settings.enabled }, Settings { shadows, ..settings })
        });
    }

    /// Changes the option `shadow` of a limit, or undoes that.
    pub(crate) fn set_shadow(&self, limit: &str, is_shadow: Option<bool>) {
        self.change(|before, is_enabled| {
            let shadows = before.shadows.with(limit, is_shadow);
            (is_enabled, Settings { shadows, ..before.clone() })
        });
    }

    /// Replaces the settings and the switch by those that `change` makes of them.
    fn change(&self, change: impl FnOnce(&Settings, bool) -> (bool, Settings)) {
        let mut current = self.current.write();
        let (enabled, settings) = change(&current.settings, current.enabled.load(Ordering::Relaxed));
        let generation = current.generation + 1;
        let health = Arc::clone(&current.health);
        let (bans, reservations) = (settings.bans(), Arc::clone(&current.reservations));
        let (enabled, leases) = (enabled.into(), current.leases.clone());
        *current = Arc::new(Config { generation, enabled, health, bans, reservations, leases, settings });
        self.generation.store(generation, Ordering::Release);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("current", &self.current).finish_non_exhaustive()
    }
}
