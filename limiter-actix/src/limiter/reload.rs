//! Reads the file of settings again, while the limiter is running.

mod watch;

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use parking_lot::Mutex;

use self::watch::{FileText, Watcher};
use super::shared::Shared;
use crate::{
    BuildError, Limiter,
    settings::{
        Config, Settings,
        backend::Backend,
        file::File,
        partial::{PartialSettings, StorageLocation},
    },
};

/// Puts what a file sets together with what code and the environment set. Counts are kept in this storage, or else
/// where the settings place them.
pub(crate) type Merge =
    Box<dyn Fn(&PartialSettings, Option<Backend>) -> Result<Settings, BuildError> + Send + Sync>;

/// Where settings are read anew from, and what was read last.
struct FileSource {
    merge: Merge,
    file: File,
    /// What is in force of the file. Held while it is replaced, so that two reloads cannot pass each other.
    in_force: Mutex<LoadedFile>,
    /// Tells the watcher that the limiter is there, until it is dropped.
    _alive: Sender<()>,
}

/// What was read of a file.
#[derive(Debug)]
struct LoadedFile {
    text: String,
    partial: PartialSettings,
}

impl Limiter {
    /// Reads the [file](crate::LimiterBuilder::from_file) again, for all clones and workers. Tells whether it has changed.
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
        match &self.shared.reload {
            Some(reload) => reload(&self.shared),
            None => Err(BuildError::NoFile),
        }
    }
}

/// Makes a limiter of a file and what is merged with it, which reads the file again, as often as every `interval`.
pub(crate) fn start(
    file: &File,
    merge: Merge,
    interval: Option<Duration>,
) -> Result<Arc<Shared>, BuildError> {
    let (shared, source, alive) = load(file, merge)?;
    if let Some(interval) = interval {
        watch(&source, &shared, alive, interval)?;
    }
    Ok(shared)
}

/// A limiter of a file, its source, and a receiver that is closed once the limiter is gone.
type Loaded = (Arc<Shared>, Arc<FileSource>, Receiver<()>);

fn load(file: &File, merge: Merge) -> Result<Loaded, BuildError> {
    let text = file.read()?;
    let partial = file.parse(&text);
    let mut shared = Shared::new(Config::new(merge(&partial, None)?));
    let (limiter, alive) = mpsc::channel();
    let in_force = Mutex::new(LoadedFile { text, partial });
    let source = Arc::new(FileSource { merge, file: file.clone(), in_force, _alive: limiter });
    let own = Arc::clone(&source);
    shared.reload = Some(Box::new(move |shared| own.reload(shared)));
    Ok((Arc::new(shared), source, alive))
}

/// Starts a thread that takes what the file becomes, for as long as the limiter is there.
fn watch(
    source: &Arc<FileSource>,
    shared: &Arc<Shared>,
    alive: Receiver<()>,
    interval: Duration,
) -> Result<(), BuildError> {
    let (file, text) = (source.file.clone(), source.in_force.lock().text.clone());
    let (source, shared) = (Arc::downgrade(source), Arc::downgrade(shared));
    let take = move |found: &FileText| {
        let (source, shared) = (source.upgrade()?, shared.upgrade()?);
        Some(source.reload_if_still(&shared, found))
    };
    let watcher = Watcher { file, take, alive, interval };
    Ok(watcher.start(text)?)
}

impl FileSource {
    fn reload(&self, shared: &Shared) -> Result<bool, BuildError> {
        let mut in_force = self.in_force.lock();
        self.take(self.file.read(), &mut in_force, shared)
    }

    /// Takes what is in the file if it is still what was found there; tells whether it is. What is wrong with it
    /// is in the log.
    fn reload_if_still(&self, shared: &Shared, found: &FileText) -> bool {
        let mut in_force = self.in_force.lock();
        let read = self.file.read();
        let is_still = read == *found;
        if is_still {
            drop(self.take(read, &mut in_force, shared));
        }
        is_still
    }

    fn take(&self, read: FileText, in_force: &mut LoadedFile, shared: &Shared) -> Result<bool, BuildError> {
        self.try_to_take(read, in_force, shared).inspect_err(|error| {
            tracing::error!(code = "L021", %error, "a file of settings was not taken: those before stay in force");
        })
    }

    fn try_to_take(
        &self,
        read: FileText,
        in_force: &mut LoadedFile,
        shared: &Shared,
    ) -> Result<bool, BuildError> {
        let text = read?;
        if text == in_force.text {
            return Ok(false);
        }
        let mut partial = self.file.parse(&text);
        self.keep_what_must_stay(&mut partial, &in_force.partial);
        let storage = shared.config().settings.storage.clone();
        shared.replace((self.merge)(&partial, Some(storage))?);
        tracing::info!(file = %self.file.origin(), "the settings of a file are in force");
        *in_force = LoadedFile { text, partial };
        Ok(true)
    }

    /// Keeps what cannot change while the limiter is running.
    fn keep_what_must_stay(&self, new: &mut PartialSettings, old: &PartialSettings) {
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

fn address(partial: &PartialSettings) -> Option<&str> {
    match &partial.storage {
        Some(StorageLocation::Uri(address, _)) => Some(address),
        Some(StorageLocation::Instance(_)) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::*;
    use crate::LimiterBuilder;

    /// What is taken is what was compared, and not what yet another look may find.
    #[test]
    fn only_what_has_settled_is_taken() {
        let path = env::temp_dir().join(format!("settled-{}.toml", process::id()));
        let write = |text: &str| fs::write(&path, text).expect("a file can be written");
        write("enabled = true");
        let file = File { path: path.clone() };
        let settings = || LimiterBuilder::new().config_as_is().settings;
        let (shared, source, _alive) = load(&file, Box::new(move |_, _| Ok(settings()))).expect("a source");
        let in_force = || source.in_force.lock().text.clone();

        write("default_limits = '2/day'");
        let found = source.file.read();
        write("default_limits = '3/day'");
        assert!(!source.reload_if_still(&shared, &found));
        assert_eq!(in_force(), "enabled = true", "it has changed since");
        assert!(source.reload_if_still(&shared, &source.file.read()));
        assert_eq!(in_force(), "default_limits = '3/day'");

        fs::remove_file(&path).expect("the file is there");
        assert!(source.reload_if_still(&shared, &source.file.read()), "it stays unreadable");
        assert_eq!(in_force(), "default_limits = '3/day'");
    }
}
