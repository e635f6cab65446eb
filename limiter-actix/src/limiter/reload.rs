//! Reloads the settings file while the limiter is running.

mod watch;

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use limiter_core::log::{event, shown, unthrottled, verbatim};
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

/// Merges the settings of a file with those of code and the environment. Counts stay in the given storage, or else go
/// where the settings place them.
pub(crate) type Merge =
    Box<dyn Fn(&PartialSettings, Option<Backend>) -> Result<Settings, BuildError> + Send + Sync>;

/// The file that settings are reloaded from, and its content when it was last applied.
struct FileSource {
    merge: Merge,
    file: File,
    /// Locked while it is replaced, so that two reloads do not overtake each other.
    applied: Mutex<LoadedFile>,
    /// Ends the watcher when it is dropped.
    _alive: Sender<()>,
}

/// The content of a file.
#[derive(Debug)]
struct LoadedFile {
    text: String,
    partial: PartialSettings,
}

impl Limiter {
    /// Reloads the [file](crate::LimiterBuilder::from_file), for all clones and workers. Returns whether it has
    /// changed.
    ///
    /// Settings change as a whole, and each request keeps those it began with. A count stays if its limit, scope and
    /// strategy stay. `storage_uri`, `key_prefix` and `local_refusals` do not change while the limiter is running: a
    /// change is logged and ignored. The environment is not read again.
    ///
    /// The call blocks while it reads the file, which is small.
    ///
    /// # Errors
    ///
    /// If the file is unreadable or has an issue. Then the settings stay, and all issues are logged. Also if the
    /// limiter was built without a file.
    pub fn reload(&self) -> Result<bool, BuildError> {
        match &self.shared.reload {
            Some(reload) => reload(&self.shared),
            None => Err(BuildError::NoFile),
        }
    }
}

/// Starts a limiter from a file. If there is an interval, the file is watched that often.
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

/// A limiter from a file, its source, and a receiver that closes when the limiter ends.
type LoadedLimiter = (Arc<Shared>, Arc<FileSource>, Receiver<()>);

fn load(file: &File, merge: Merge) -> Result<LoadedLimiter, BuildError> {
    let text = file.read()?;
    let partial = file.parse(&text);
    let mut shared = Shared::new(Config::new(merge(&partial, None)?));
    let (limiter, alive) = mpsc::channel();
    let applied = Mutex::new(LoadedFile { text, partial });
    let source = Arc::new(FileSource { merge, file: file.clone(), applied, _alive: limiter });
    let own = Arc::clone(&source);
    shared.reload = Some(Box::new(move |shared| own.reload(shared)));
    Ok((Arc::new(shared), source, alive))
}

/// Starts a thread that applies changes of the file, until the limiter ends.
fn watch(
    source: &Arc<FileSource>,
    shared: &Arc<Shared>,
    alive: Receiver<()>,
    interval: Duration,
) -> Result<(), BuildError> {
    let (file, text) = (source.file.clone(), source.applied.lock().text.clone());
    let (source, shared) = (Arc::downgrade(source), Arc::downgrade(shared));
    let apply = move |found: &FileText| {
        let (source, shared) = (source.upgrade()?, shared.upgrade()?);
        Some(source.reload_if_still(&shared, found))
    };
    let watcher = Watcher { file, apply, alive, interval };
    Ok(watcher.start(text)?)
}

impl FileSource {
    fn reload(&self, shared: &Shared) -> Result<bool, BuildError> {
        let mut applied = self.applied.lock();
        self.apply(self.file.read(), &mut applied, shared)
    }

    /// Applies the file if its content is still the one found before. Returns whether it is. Issues are logged.
    fn reload_if_still(&self, shared: &Shared, found: &FileText) -> bool {
        let mut applied = self.applied.lock();
        let read = self.file.read();
        let is_still = read == *found;
        if is_still {
            drop(self.apply(read, &mut applied, shared));
        }
        is_still
    }

    fn apply(&self, read: FileText, applied: &mut LoadedFile, shared: &Shared) -> Result<bool, BuildError> {
        self.try_apply(read, applied, shared).inspect_err(|error| {
            event!(
                unthrottled(Some("L021")),
                ERROR,
                error = verbatim(error),
                "reload failed: the previous settings stay in force"
            );
        })
    }

    fn try_apply(
        &self,
        read: FileText,
        applied: &mut LoadedFile,
        shared: &Shared,
    ) -> Result<bool, BuildError> {
        let text = read?;
        if text == applied.text {
            return Ok(false);
        }
        let mut partial = self.file.parse(&text);
        self.keep_fixed(&mut partial, &applied.partial);
        let storage = shared.config().settings.storage.clone();
        shared.replace((self.merge)(&partial, Some(storage))?);
        event!(unthrottled(None), INFO, file = shown(self.file.origin()), "reloaded the settings");
        *applied = LoadedFile { text, partial };
        Ok(true)
    }

    /// Keeps the settings that do not change while the limiter is running.
    fn keep_fixed(&self, new: &mut PartialSettings, old: &PartialSettings) {
        if address(new) != address(old) {
            self.warn_of_change("storage_uri");
        }
        if new.prefix != old.prefix {
            self.warn_of_change("key_prefix");
        }
        if new.local_refusals != old.local_refusals {
            self.warn_of_change("local_refusals");
        }
        if new.storage_deadline != old.storage_deadline {
            self.warn_of_change("storage_deadline");
        }
        new.storage_deadline = old.storage_deadline;
        new.local_refusals = old.local_refusals;
        new.storage.clone_from(&old.storage);
        new.prefix.clone_from(&old.prefix);
    }

    fn warn_of_change(&self, name: &str) {
        event!(
            unthrottled(Some("L022")),
            WARN,
            file = shown(self.file.origin()),
            name = name,
            "ignoring a changed setting: it applies only after a restart"
        );
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

    /// The content that is applied is the one that was compared, not that of a later read.
    #[test]
    fn only_settled_content_is_applied() {
        let path = env::temp_dir().join(format!("settled-{}.toml", process::id()));
        let write = |text: &str| fs::write(&path, text).expect("a file can be written");
        write("enabled = true");
        let file = File { path: path.clone() };
        let settings = || LimiterBuilder::new().config_as_is().settings;
        let (shared, source, _alive) = load(&file, Box::new(move |_, _| Ok(settings()))).expect("a source");
        let applied = || source.applied.lock().text.clone();

        write("default_limits = '2/day'");
        let found = source.file.read();
        write("default_limits = '3/day'");
        assert!(!source.reload_if_still(&shared, &found));
        assert_eq!(applied(), "enabled = true", "it has changed since");
        assert!(source.reload_if_still(&shared, &source.file.read()));
        assert_eq!(applied(), "default_limits = '3/day'");

        fs::remove_file(&path).expect("the file is there");
        assert!(source.reload_if_still(&shared, &source.file.read()), "it stays unreadable");
        assert_eq!(applied(), "default_limits = '3/day'");
    }
}
