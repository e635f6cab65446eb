//! The identity of clients.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

use super::LimiterBuilder;
use crate::{
    TrustedProxies,
    key::address::IPV6_PREFIXES,
    limit::{
        async_answers::read_key,
        async_function::{AsyncAnswer, AsyncFunction},
        callback::Callback,
        function_value::FunctionValue,
    },
    request::link_waits,
};

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
        K: FunctionValue<Key>,
    {
        let key = move |req: &_| key(req).into_value().unwrap_or_else(|_| Key::failed());
        self.code.key = Some(Callback(Arc::new(key)));
        self.code.async_key = None;
        self
    }

    /// Sets an async function that identifies the client. If it returns no key, fails, or exceeds its
    /// [deadline](Self::function_deadline), [`client_address`](crate::key::client_address) is used.
    ///
    /// It is called for requests with limits that count by it, at most once for each.
    pub fn key_async<F, K>(mut self, key: F) -> Self
    where
        F: AsyncFn(&ServiceRequest) -> K + Send + Sync + 'static,
        K: FunctionValue<Key>,
    {
        link_waits();
        let function = AsyncFunction::new("key of the limiter", key, AsyncAnswer::key);
        self.code.key = Some(read_key(&function));
        self.code.async_key = Some(function);
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
