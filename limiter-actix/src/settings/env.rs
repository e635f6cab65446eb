//! Settings from the environment, under the names that Flask-Limiter reads.

mod values;
mod variables;

use std::{collections::BTreeMap, env};

use self::{
    values::{boolean, header, retry_after, strategy},
    variables::Reading,
};
use super::{
    config_error::At,
    partial::{Layer, Names},
};
use crate::builder::LimiterBuilder;
use crate::{ConfigIssue, Headers};

const PREFIX: &str = "RATELIMIT_";

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) layer: Layer,
    /// What is to be said of variables that are not known.
    unknown: Vec<(String, String)>,
}

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
        let ours = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let mut issues = Vec::new();
        let readable = ours.filter(|(name, _)| name.starts_with(PREFIX)).filter_map(|(name, value)| {
            let value = value.into_string();
            if value.is_err() {
                issues.push(ConfigIssue::new(At::whole(name.as_str()), "expected UTF-8"));
            }
            Some((name, value.ok()?))
        });
        let variables: Vec<_> = readable.collect();
        let mut builder = self.from_variables(variables);
        builder.environment.layer.issues.extend(issues);
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
        let ours = variables.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value)));
        self.environment = Environment::read(ours.collect());
        self
    }
}

impl Environment {
    /// Reads variables, named without the prefix that all have.
    fn read(variables: BTreeMap<String, String>) -> Self {
        let mut reading = Reading::new(variables);
        let (on_storage_failure, fallback) = reading.failing_storage();
        let said = Layer {
            enabled: reading.take("ENABLED", boolean),
            strategy: reading.take("STRATEGY", strategy),
            prefix: reading.take("KEY_PREFIX", |text| Ok(text.into())),
            storage: reading.storage("STORAGE_URI"),
            defaults: reading.tier("DEFAULT", "DEFAULTS_COST", None),
            per_method: reading.take("DEFAULTS_PER_METHOD", boolean),
            application: reading.tier("APPLICATION", "APPLICATION_COST", Some("APPLICATION_PER_METHOD")),
            meta: reading.limits("META", |limit| limit),
            headers: reading.take("HEADERS_ENABLED", boolean).map(Headers::from),
            names: Names {
                limit: reading.take("HEADER_LIMIT", header),
                remaining: reading.take("HEADER_REMAINING", header),
                reset: reading.take("HEADER_RESET", header),
                retry_after: reading.take("HEADER_RETRY_AFTER", header),
                ..Names::default()
            },
            retry_after: reading.take("HEADER_RETRY_AFTER_VALUE", retry_after),
            on_storage_failure,
            fallback,
            ..Layer::default()
        };
        let unknown = reading.unknown();
        Self { layer: Layer { issues: reading.issues, written: reading.written, ..said }, unknown }
    }

    /// Says which variables are not known.
    pub(crate) fn warn_of_unknown(&self) {
        for (variable, what) in &self.unknown {
            tracing::warn!(code = "L020", variable, "a variable of the environment is not read: {what}");
        }
    }
}
