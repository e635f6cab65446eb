//! The attributes of actix-web that this crate reads.

pub(crate) mod route;
pub(crate) mod scope;
