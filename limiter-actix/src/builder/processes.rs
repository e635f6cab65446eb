//! Whether other processes count beside this one.

use super::LimiterBuilder;

impl LimiterBuilder {
    /// Says that each process is meant to count for itself where counts are in memory, or that there is but one
    /// whatever the environment says. It is warned of otherwise (`L030`).
    pub fn per_process(mut self, per_process: bool) -> Self {
        self.settings.per_process = per_process;
        self
    }
}
