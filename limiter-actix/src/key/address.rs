//! The client's address, as one limiter sees it.

use std::{
    net::IpAddr,
    ops::RangeInclusive,
    sync::{
        Arc, LazyLock, Once,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{HttpMessage, dev::ServiceRequest, http::header};
use limiter_core::Key;

use crate::TrustedProxies;

/// Shorter prefixes would put whole providers into one count.
pub(crate) const IPV6_PREFIXES: RangeInclusive<u8> = 32..=128;

/// How a limiter finds the client's address.
#[derive(Clone, Debug)]
pub(crate) struct ClientAddress {
    pub(crate) proxies: Option<TrustedProxies>,
    pub(crate) ipv6_prefix: u8,
    /// Whether it was said that a forwarding header came though no proxy is trusted.
    said: Arc<AtomicBool>,
}

impl Default for ClientAddress {
    fn default() -> Self {
        Self { proxies: None, ipv6_prefix: Key::IPV6_PREFIX, said: Arc::default() }
    }
}

/// Tells key functions what the limiter that asks them has set.
#[derive(Clone)]
struct InForce(Arc<ClientAddress>);

/// What the limiter that asks has set; without one, the defaults.
pub(super) fn in_force<T>(req: &ServiceRequest, ask: impl FnOnce(&ClientAddress) -> T) -> T {
    static DEFAULT: LazyLock<ClientAddress> = LazyLock::new(ClientAddress::default);
    let extensions = req.extensions();
    ask(extensions.get::<InForce>().map_or(&DEFAULT, |InForce(address)| address))
}

impl ClientAddress {
    /// Begins the keys of a request: from here on they are told by this.
    pub(crate) fn begin(self: &Arc<Self>, req: &ServiceRequest) {
        if self.proxies.is_none() {
            self.look_for_a_proxy(req);
        }
        if self.proxies.is_some() || self.ipv6_prefix != Key::IPV6_PREFIX {
            req.extensions_mut().insert(InForce(Arc::clone(self)));
        } else if req.extensions().contains::<InForce>() {
            // That of a limiter further out.
            req.extensions_mut().remove::<InForce>();
        }
    }

    pub(crate) fn key(&self, req: &ServiceRequest) -> Key {
        key(self.of(req), self.ipv6_prefix)
    }

    pub(super) fn of(&self, req: &ServiceRequest) -> Option<IpAddr> {
        match &self.proxies {
            Some(proxies) => proxies.client(peer(req), req.headers()),
            None => peer(req),
        }
    }

    /// Says once when requests seem to come through a proxy that the limiter does not know of.
    fn look_for_a_proxy(&self, req: &ServiceRequest) {
        let came = |name| req.headers().contains_key(name);
        if self.said.load(Ordering::Relaxed) || !(came(header::X_FORWARDED_FOR) || came(header::FORWARDED)) {
            return;
        }
        if !self.said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                code = "L011",
                "a request came with X-Forwarded-For or Forwarded, but no proxy is trusted: if a proxy sent it, \
                 all clients behind that proxy share one count; name it with `LimiterBuilder::trusted_proxies`, \
                 or say that there is none with `TrustedProxies::none()`"
            );
        }
    }
}

/// The key of an address.
pub(super) fn key(address: Option<IpAddr>, ipv6_prefix: u8) -> Key {
    address.map_or_else(without_address, |address| Key::address(address, ipv6_prefix))
}

/// The address of the connection.
pub(super) fn peer(req: &ServiceRequest) -> Option<IpAddr> {
    req.peer_addr().map(|address| address.ip().to_canonical())
}

fn without_address() -> Key {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            code = "L005",
            "a connection has no peer address: all such connections share one count; behind a proxy on a Unix \
             socket, set `TrustedProxies::unix_sockets`, or set a key that knows the client"
        );
    });
    Key::text("no-address", "-")
}
