//! The identity of clients.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

use super::LimiterBuilder;
use crate::{TrustedProxies, key::address::IPV6_PREFIXES, limit::callback::Callback};

/// # Keys
impl LimiterBuilder {
    /// Sets the function that identifies the client. Defaults to [`client_address`](crate::key::client_address), which
    /// is also used when it returns no key.
    ///
    /// The module [`key`](crate::key) has ready-made functions. A function sees the `app_data` of the app, and not that
    /// of scopes inside the limiter.
    pub fn key<F, K>(mut self, key: F) -> Self
    where
        F: Fn(&ServiceRequest) -> K + Send + Sync + 'static,
        K: Into<Key>,
    {
        self.code.key = Some(Callback(Arc::new(move |req| key(req).into())));
        self
    }

    /// Sets the proxies whose forwarding header the limiter trusts. Defaults to none.
    ///
    /// Without trusted proxies, the client's address is that of the connection, and all clients behind a proxy share
    /// one count.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        if let Err(error) = proxies.check() {
            self.issue(".trusted_proxies(..)", error);
        }
        self.code.proxies = Some(proxies);
        self
    }

    /// Sets the number of leading bits of an IPv6 address that identify a client, 32 to 128. Defaults to 64.
    ///
    /// A provider assigns at least that many addresses to one customer (RFC 6177). Each IPv4 address is a client.
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        if !IPV6_PREFIXES.contains(&bits) {
            self.issue(format!(".ipv6_prefix({bits})"), "expected 32 to 128 bits");
        }
        self.code.ipv6_prefix = Some(bits);
        self
    }
}
