//! Where settings come from besides code: the environment, and a file.

use std::env;
#[cfg(feature = "config-file")]
use std::{path::PathBuf, time::Duration};

use super::LimiterBuilder;
#[cfg(feature = "config-file")]
use crate::settings::file::File;
use crate::{
    ConfigIssue,
    settings::{
        config_error::Origin,
        env::{Environment, PREFIX},
    },
};

#[cfg(feature = "config-file")]
/// More often is not looked.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

impl LimiterBuilder {
    /// Reads the variables `RATELIMIT_*` of the environment, under the names that Flask-Limiter has for its
    /// settings: `RATELIMIT_DEFAULT`, `RATELIMIT_STORAGE_URI` and [others][names]. What code says goes before what
    /// they say, and that before what a file says, in whatever order the builder is called.
    ///
    /// A variable that is empty counts as not set. One that cannot be read makes [`build`](Self::build) fail; one
    /// that is not known is logged.
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

    /// As [`from_env`](Self::from_env), with these variables in place of the environment's: in tests, or from a
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
        self.environment = Environment::read(known.collect());
        self
    }
}

#[cfg(feature = "config-file")]
impl LimiterBuilder {
    /// Reads settings from a file in TOML, of at most 1 MiB. What code says goes before what the environment says,
    /// and that before what the file says, in whatever order the builder is called. The settings and their names
    /// are in [the documentation][page].
    ///
    /// The file is read by [`build`](Self::build), which fails when it cannot be read and when anything in it is
    /// wrong, and tells all issues at once, with their lines. It is read again by [`Limiter::reload`](crate::Limiter::reload), and as often
    /// as [`reload_every`](Self::reload_every) says.
    ///
    /// [page]: https://github.com/actix-limiter/actix-limiter/blob/main/docs/configuration.md#the-file
    pub fn from_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(File { path: path.into() });
        self
    }

    /// Looks whether the [file](Self::from_file) has changed, this often, and reads it again when it has; not unless
    /// set. Every 100 ms at most. A thread does so, which ends with the limiter.
    ///
    /// A file that is still being written is not read: it must stay the same for 50 ms. It is safer all the same to
    /// write another file beside it and rename that.
    ///
    /// What is wrong with the file is logged as an error with the code `L021`, and the settings stay as they are.
    pub fn reload_every(mut self, interval: Duration) -> Self {
        self.reload_every = Some(interval.max(MIN_INTERVAL));
        self
    }
}
