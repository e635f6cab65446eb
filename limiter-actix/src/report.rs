//! Data for the application: a decision with its breach and current limits, and lists of limits.

pub(crate) mod breach;
pub(crate) mod current;
pub(crate) mod decided_by;
pub(crate) mod partition_key;
pub(crate) mod policy_name;
pub(crate) mod route_limits;
pub(crate) mod setting_source;
