//! TLS connections.
//!
//! The `redis` crate can set up `rustls`, but its `create_rustls_config` does not suit a library:
//!
//! * It calls `ClientConfig::builder()`, which panics if the program has no process-wide crypto provider.
//! * It fails if one certificate of the system is invalid.

use std::{error::Error, io, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::certificates::Certificates;
use crate::storage::StorageError;

/// A TLS configuration: the trusted CAs, and the client certificate.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    pub(super) fn new(certificates: &Certificates) -> Result<Self, StorageError> {
        let roots = match &certificates.ca {
            Some(pem) => roots_in(pem)?,
            None => roots_of_the_system()?,
        };
        // An explicit provider, since the program may have set another one or none.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| UNUSABLE.with_source(error))?
            .with_root_certificates(roots);
        let config = match &certificates.client {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| NO_KEY.with_source(error))?;
                let shown = config.with_client_auth_cert(certificates_in(certificate)?, key);
                shown.map_err(|error| UNUSABLE.with_source(error))?
            }
        };
        Ok(Self(Arc::new(config)))
    }

    /// Runs the TLS handshake over a connection.
    pub(super) async fn wrap(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await
    }
}

fn roots_in(pem: &[u8]) -> Result<RootCertStore, StorageError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_in(pem)? {
        roots.add(certificate).map_err(|error| UNUSABLE.with_source(error))?;
    }
    Ok(roots)
}

fn roots_of_the_system() -> Result<RootCertStore, StorageError> {
    let mut roots = RootCertStore::empty();
    // Invalid certificates are skipped, as long as there are valid ones.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(StorageError::new("no CA certificates: the system has none, and none are set"));
    }
    Ok(roots)
}

fn certificates_in(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, StorageError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| NO_CERTIFICATE.with_source(error))?;
    if certificates.is_empty() { Err(NO_CERTIFICATE) } else { Ok(certificates) }
}

/// Returns a message for the operator if the error is one of TLS.
pub(super) fn message(error: &(dyn Error + 'static)) -> Option<&'static str> {
    use rustls::Error;

    Some(match error.downcast_ref::<Error>()? {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the certificate of the Redis server is not trusted: it is of no known CA"
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the certificate of the Redis server is for another name",
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the certificate of the Redis server has expired"
        }
        Error::InvalidCertificate(_) => "the certificate of the Redis server is not trusted",
        Error::AlertReceived(_) => "the Redis server refused the TLS connection or the client certificate",
        Error::InvalidMessage(_) => "the Redis server does not use TLS on this port",
        _ => "the TLS handshake with the Redis server failed",
    })
}

const NO_CERTIFICATE: StorageError = StorageError::new("invalid certificates: expected PEM");
const NO_KEY: StorageError = StorageError::new("invalid private key: expected PEM");
const UNUSABLE: StorageError = StorageError::new("invalid certificates or private key");
