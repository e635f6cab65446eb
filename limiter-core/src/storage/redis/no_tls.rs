//! The replacement of `tls` without the feature `redis-tls`.

use std::{convert::Infallible, error::Error, io};

use tokio::net::TcpStream;

use super::certificates::Certificates;
use crate::storage::StorageError;

/// A TLS configuration, which never exists.
#[derive(Clone)]
pub(super) struct Tls(Infallible);

impl Tls {
    pub(super) fn new(_: &Certificates) -> Result<Self, StorageError> {
        Err(StorageError::new("rediss:// requires the feature `redis-tls`"))
    }

    #[allow(clippy::unused_async, reason = "as in `tls`")]
    pub(super) async fn wrap(&self, _: &str, _: TcpStream) -> io::Result<TcpStream> {
        match self.0 {}
    }
}

pub(super) fn message(_: &(dyn Error + 'static)) -> Option<&'static str> {
    None
}
