use std::{fs, path::Path};

use super::uri::Uri;
use crate::storage::StorageError;

/// The certificates and the key of TLS connections, in PEM.
#[derive(Clone, Default)]
pub(super) struct Certificates {
    /// The certificates of trusted CAs. `None` trusts those of the system.
    pub(super) ca: Option<Vec<u8>>,
    /// The client certificate and its key.
    pub(super) client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Certificates {
    /// Reads the files that the URI names for certificates that are not set.
    pub(super) fn or_files_of(mut self, uri: &Uri) -> Result<Self, StorageError> {
        if let (Some(path), None) = (&uri.ca, &self.ca) {
            self.ca = Some(read(path)?);
        }
        if self.client.is_none() {
            self.client = match (&uri.certificate, &uri.key) {
                (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
                (None, None) => None,
                _ => return Err(StorageError::new("a client certificate needs both `cert` and `key`")),
            };
        }
        Ok(self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ca.is_none() && self.client.is_none()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, StorageError> {
    let unreadable = StorageError::new("failed to read a file with certificates or a key");
    fs::read(path).map_err(|error| unreadable.with_source(format!("{}: {error}", path.display())))
}
