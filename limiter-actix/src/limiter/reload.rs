//! Reads the file of settings again, while the limiter is running.

mod watch;

use std::{
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    time::Duration,
};

use parking_lot::Mutex;

use self::watch::{Seen, Watcher};
use super::shared::Live;
use crate::{
    BuildError, Limiter, LimiterBuilder,
    settings::{
        Config,
        file::File,
        partial::{Layer, Where},
    },
};

/// Where settings are read anew from, and what was read last.
#[derive(Debug)]
pub(crate) struct Source {
    /// What code and the environment say.
    builder: LimiterBuilder,
    file: File,
    /// What is in force of the file. Held while it is replaced, so that two reloads cannot pass each other.
    in_force: Mutex<Read>,
    /// Tells the watcher that the limiter is there, until it is dropped.
    _alive: Sender<()>,
}

/// What was read of a file.
#[derive(Debug)]
struct Read {
    text: String,
    layer: Layer,
}

/// More often is not looked.
const SHORTEST: Duration = Duration::from_millis(100);

impl LimiterBuilder {
    /// Looks whether the [file](Self::from_file) has changed, this often, and reads it again when it has; not unless
    /// set. Every 100 ms at most. A thread does so, which ends with the limiter.
    ///
    /// A file that is still being written is not read: it must stay the same for 50 ms. It is safer all the same to
    /// write another file beside it and rename that.
    ///
    /// What is wrong with the file is logged as an error with the code `L021`, and the settings stay as they are.
    pub fn reload_every(mut self, interval: Duration) -> Self {
        self.reload_every = Some(interval.max(SHORTEST));
        self
    }
}

impl Limiter {
    /// Reads the [file](LimiterBuilder::from_file) again, for all clones and workers. Tells whether it has changed.
    ///
    /// Settings change as a whole: each request is decided by those it began with, and none is lost. Counts stay
    /// where limit, place and strategy are the same. Where counts are kept (`storage_uri`, `key_prefix`, `local_refusals`) cannot change
    /// while the limiter is running: that is logged, and they stay. The environment is not read again.
    ///
    /// It reads a small file, and waits for the disk meanwhile.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or anything in it is wrong: then the settings stay as they are, which is logged
    /// with all issues. And when the limiter was built without a file.
    pub fn reload(&self) -> Result<bool, BuildError> {
        match &self.live.source {
            Some(source) => source.reload(&self.live),
            None => Err(BuildError::NoFile),
        }
    }
}

impl File {
    /// A limiter of what the builder and this file say, ready to run.
    pub(crate) fn live(&self, builder: &LimiterBuilder) -> Result<Arc<Live>, BuildError> {
        let text = self.read()?;
        let layer = self.layer(&text);
        let settings = builder.settings(Some(&layer), None)?;
        let (limiter, alive) = mpsc::channel();
        let source = Source {
            builder: builder.clone(),
            file: self.clone(),
            in_force: Mutex::new(Read { text: text.clone(), layer }),
            _alive: limiter,
        };
        let mut live = Live::new(Config::new(settings));
        live.source = Some(source);
        let live = Arc::new(live);
        if let Some(interval) = builder.reload_every {
            let watcher = Watcher { live: Arc::downgrade(&live), file: self.clone(), alive, interval };
            watcher.start(text)?;
        }
        Ok(live)
    }
}

impl Source {
    fn reload(&self, live: &Live) -> Result<bool, BuildError> {
        let mut in_force = self.in_force.lock();
        self.take(self.file.read(), &mut in_force, live)
    }

    /// Takes what is in the file if it is still what was found there; tells whether it is. What is wrong with it
    /// is in the log.
    fn reload_if_still(&self, live: &Live, found: &Seen) -> bool {
        let mut in_force = self.in_force.lock();
        let read = self.file.read();
        let is_still = read == *found;
        if is_still {
            drop(self.take(read, &mut in_force, live));
        }
        is_still
    }

    fn take(&self, read: Seen, in_force: &mut Read, live: &Live) -> Result<bool, BuildError> {
        self.try_to_take(read, in_force, live).inspect_err(|error| {
            tracing::error!(code = "L021", %error, "a file of settings was not taken: those before stay in force");
        })
    }

    fn try_to_take(&self, read: Seen, in_force: &mut Read, live: &Live) -> Result<bool, BuildError> {
        let text = read?;
        if text == in_force.text {
            return Ok(false);
        }
        let mut layer = self.file.layer(&text);
        self.keep_what_must_stay(&mut layer, &in_force.layer);
        let storage = live.config().settings.storage.clone();
        live.replace(self.builder.settings(Some(&layer), Some(storage))?);
        tracing::info!(file = %self.file.origin(), "the settings of a file are in force");
        *in_force = Read { text, layer };
        Ok(true)
    }

    /// Keeps what cannot change while the limiter is running.
    fn keep_what_must_stay(&self, new: &mut Layer, old: &Layer) {
        if address(new) != address(old) {
            self.warn_of_change("storage_uri");
        }
        if new.prefix != old.prefix {
            self.warn_of_change("key_prefix");
        }
        if new.local_refusals != old.local_refusals {
            self.warn_of_change("local_refusals");
        }
        new.local_refusals = old.local_refusals;
        new.storage.clone_from(&old.storage);
        new.prefix.clone_from(&old.prefix);
    }

    fn warn_of_change(&self, name: &str) {
        tracing::warn!(code = "L022", file = %self.file.origin(), name,
            "a setting has changed that cannot change while the limiter is running: it stays as it was; \
             restart the program");
    }
}

fn address(layer: &Layer) -> Option<&str> {
    match &layer.storage {
        Some(Where::Uri(address, _)) => Some(address),
        Some(Where::Given(_)) | None => None,
    }
}
