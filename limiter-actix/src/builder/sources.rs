//! Sources of settings other than code: the environment, and a file.

#[cfg(feature = "config-file")]
use std::time::Duration;
use std::{env, path::PathBuf};

use super::LimiterBuilder;
#[cfg(feature = "config-file")]
use super::build::link_names;
#[cfg(feature = "config-file")]
use crate::decision::ban_by_rule::link_ban;
use crate::{
    ConfigIssue,
    routing::link_path_rules,
    settings::{
        config_error::Origin,
        env::{Environment, PREFIX},
    },
};

/// The shortest interval at which the file is checked.
#[cfg(feature = "config-file")]
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// # Sources
impl LimiterBuilder {
    /// Reads the variables `RATELIMIT_*` of the environment, which have the names of Flask-Limiter:
    /// `RATELIMIT_DEFAULT`, `RATELIMIT_STORAGE_URI` and [others][names].
    ///
    /// Code takes precedence over the environment, and the environment over the file. The order of the calls does not
    /// matter. An empty variable counts as not set. An invalid one makes [`build`](Self::build) fail. Unknown ones are
    /// logged (`L020`).
    ///
    /// ```
    /// use limiter_actix::Limiter;
    ///
    /// let limiter = Limiter::builder().default_limits("100/hour").from_env().build()?;
    /// # let _ = limiter;
    /// # Ok::<(), limiter_actix::BuildError>(())
    /// ```
    ///
    /// [names]: https://github.com/actix-limiter/actix-limiter/blob/main/docs/configuration.md#the-environment
    pub fn from_env(self) -> Self {
        let named = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let mut issues = Vec::new();
        let readable = named.filter(|(name, _)| name.starts_with(PREFIX)).filter_map(|(name, value)| {
            let value = value.into_string();
            if value.is_err() {
                issues.push(ConfigIssue::new(Origin::whole(name.as_str()), "expected UTF-8"));
            }
            Some((name, value.ok()?))
        });
        let variables: Vec<_> = readable.collect();
        let mut builder = self.from_variables(variables);
        builder.environment.partial.issues.extend(issues);
        builder
    }

    /// Reads these variables, as [`from_env`](Self::from_env) reads those of the environment. Use it in tests, or with a
    /// store of secrets.
    ///
    /// ```
    /// use limiter_actix::Limiter;
    ///
    /// let error = Limiter::builder().from_variables([("RATELIMIT_STRATEGY", "sliding")]).build().unwrap_err();
    /// assert!(error.to_string().contains("RATELIMIT_STRATEGY: expected `fixed-window`"));
    /// ```
    pub fn from_variables<I, K, V>(mut self, variables: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let known =
            variables.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value)));
        link_path_rules();
        self.environment = Environment::read(known.collect());
        self
    }
}

#[cfg(feature = "config-file")]
impl LimiterBuilder {
    /// Reads settings from a TOML file of at most 1 MiB. [The documentation][page] lists them.
    ///
    /// Code takes precedence over the environment, and the environment over the file. The order of the calls does not
    /// matter.
    ///
    /// [`build`](Self::build) reads the file. If it is unreadable or has errors, `build` fails, and reports all errors at
    /// once with their positions. [`Limiter::reload`](crate::Limiter::reload) and [`reload_every`](Self::reload_every)
    /// read it again.
    ///
    /// [page]: https://github.com/actix-limiter/actix-limiter/blob/main/docs/configuration.md#the-file
    pub fn from_file(mut self, path: impl Into<PathBuf>) -> Self {
        // A limit in the file may have these options.
        link_ban();
        link_names();
        link_path_rules();
        self.settings.files.settings = Some(path.into());
        self
    }

    /// Sets the interval at which a thread checks the [file](Self::from_file), and reads it again if it has changed.
    /// Defaults to never. The shortest interval is 100 ms.
    ///
    /// The thread reads a file once it has been unchanged for 50 ms. Half a file may be valid, so write another file and
    /// rename it. If the file has errors, they are logged (`L021`), and the settings stay as they are.
    pub fn reload_every(mut self, interval: Duration) -> Self {
        self.settings.files.reload_every = Some(interval.max(MIN_INTERVAL));
        self
    }
}

#[cfg(not(feature = "config-file"))]
impl LimiterBuilder {
    /// Makes [`build`](Self::build) fail, since reading a file takes the feature `config-file`.
    #[deprecated(note = "enable the feature `config-file` of `limiter-actix`")]
    pub fn from_file(mut self, _path: impl Into<PathBuf>) -> Self {
        self.issue(".from_file(..)", "expected the feature `config-file` of `limiter-actix`");
        self
    }
}
