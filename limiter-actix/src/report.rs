//! What a decision tells the application: a breach, the current limits, who decided.

pub(crate) mod breach;
pub(crate) mod current;
pub(crate) mod decided_by;
pub(crate) mod partition_key;
pub(crate) mod policy_name;
