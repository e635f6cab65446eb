use std::fmt;

/// The source that a setting comes from. Code takes precedence over the environment, and the environment over the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SettingSource {
    /// No source sets it.
    #[default]
    Default,
    /// The settings file.
    File,
    /// The environment.
    Environment,
    /// The builder, an attribute, or another call in the code of the application.
    Code,
    /// A change at run time, such as one by an operator.
    Operator,
}

impl SettingSource {
    /// Returns the name: `default`, `file`, `environment`, `code` or `operator`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Code => "code",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
