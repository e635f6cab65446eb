//! The file that keeps the counts of the memory storage while no process runs.

mod file;
mod keeper;
mod lock;
mod write;

pub(crate) use self::file::StateFile;
pub(super) use self::keeper::{INTERVAL, StateKeeper};
