use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// A certificate authority that exists for one test, what it has signed for the server on 127.0.0.1 and for its
/// clients, all in PEM.
#[derive(Debug)]
pub struct Certificates {
    /// The certificate of the authority.
    pub ca: String,
    /// A certificate and its key, for a client.
    pub client: (String, String),
    server: (String, String),
}

impl Certificates {
    /// Makes new ones, for servers of these names or addresses.
    ///
    /// # Panics
    ///
    /// When they cannot be made.
    pub fn new(names: &[&str]) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut ca = params("authority", &[]);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = ca.self_signed(&key).expect("it can sign itself").pem();
        let issuer = Issuer::new(ca, key);
        let signed = |names: &[&str]| {
            let key = KeyPair::generate().expect("a key can be made");
            let signed = params("signed", names).signed_by(&key, &issuer).expect("it can be signed");
            (signed.pem(), key.serialize_pem())
        };
        Self { ca: certificate, client: signed(&["client"]), server: signed(names) }
    }

    /// Writes those of the server into a folder: `ca.pem`, `cert.pem` and `key.pem`.
    pub(crate) fn write(&self, folder: &Path) {
        let files = [("ca.pem", &self.ca), ("cert.pem", &self.server.0), ("key.pem", &self.server.1)];
        for (name, pem) in files {
            fs::write(folder.join(name), pem).expect("there is room for a file");
        }
    }
}

/// An authority and what it has signed need different names: equal ones mean that it has signed itself.
fn params(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("these are names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
