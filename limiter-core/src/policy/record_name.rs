use std::{
    hash::{Hash, Hasher},
    sync::OnceLock,
};

/// The short name of a policy's record among the counts of one client and scope, computed on first use.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordName(OnceLock<[u8; 8]>);

impl RecordName {
    pub(super) fn get_or_init(&self, compute: impl FnOnce() -> [u8; 8]) -> [u8; 8] {
        *self.0.get_or_init(compute)
    }
}

/// Always equal: the name follows from the rest of the policy, which is compared as well.
impl PartialEq for RecordName {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for RecordName {}

impl Hash for RecordName {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
