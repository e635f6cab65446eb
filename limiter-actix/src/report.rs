//! Data about a decision, for the application: the breach, the current limits, and their names.

pub(crate) mod breach;
pub(crate) mod current;
pub(crate) mod decided_by;
pub(crate) mod partition_key;
pub(crate) mod policy_name;
