//! The ends of commands, and their exit codes.

use std::{io, path::PathBuf, process::ExitCode};

/// The end of a command that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to complain about.
    Good,
    /// The command found a problem in its input, and has shown it.
    Problems,
}

/// The reason why a command did not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments do not fit together.
    #[error("{0}")]
    Usage(String),
    /// A file of settings is invalid.
    #[error("{0}")]
    Settings(#[from] limiter_actix::BuildError),
    /// The inspector of a running limiter did not answer, or refused.
    #[error("{address}: {error}")]
    Inspector { address: String, error: String },
    /// The storage did not answer, or refused.
    #[error("storage: {0}")]
    Storage(String),
    /// Reading a file failed.
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    /// Writing a file failed.
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    /// Writing the standard output failed.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Outcome {
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self::Good => ExitCode::SUCCESS,
            Self::Problems => ExitCode::from(1),
        }
    }
}

impl Failure {
    /// Returns whether the reader of the output has left, such as `head`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Settings(_) => 1,
            Self::Usage(_) => 2,
            Self::Inspector { .. } | Self::Storage(_) => 4,
            Self::Read { .. } | Self::Write { .. } | Self::Output(_) => 3,
        })
    }
}
