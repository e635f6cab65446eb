//! The client's address, by the settings of one limiter.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::{Arc, LazyLock},
};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_core::{
    Key,
    log::{Throttle, event},
};

use super::setup::SetupWatch;
use crate::TrustedProxies;

/// The valid prefix lengths. Shorter prefixes would give a whole provider a single count.
pub(crate) const IPV6_PREFIXES: RangeInclusive<u8> = 32..=128;

/// The settings by which a limiter finds the client's address.
#[derive(Clone, Debug)]
pub(crate) struct ClientAddress {
    pub(crate) proxies: Option<TrustedProxies>,
    pub(crate) ipv6_prefix: u8,
    /// Looks for half-right set-ups of proxies.
    setup: Arc<SetupWatch>,
}

impl Default for ClientAddress {
    fn default() -> Self {
        Self { proxies: None, ipv6_prefix: Key::IPV6_PREFIX, setup: Arc::default() }
    }
}

/// The settings of the limiter that is calling key functions; in the extensions of the request.
#[derive(Clone)]
struct CurrentAddress(Arc<ClientAddress>);

/// Calls `find` with the settings of the limiter that is deciding the request, or with the defaults.
pub(super) fn with_current<T>(req: &ServiceRequest, find: impl FnOnce(&ClientAddress) -> T) -> T {
    static DEFAULT: LazyLock<ClientAddress> = LazyLock::new(ClientAddress::default);
    let extensions = req.extensions();
    find(extensions.get::<CurrentAddress>().map_or(&DEFAULT, |CurrentAddress(address)| address))
}

impl ClientAddress {
    /// Applies these settings to all key functions called from here on.
    #[inline]
    pub(crate) fn begin(self: &Arc<Self>, req: &ServiceRequest) {
        if self.setup.is_due() {
            match &self.proxies {
                None => self.setup.look_for_proxies(req),
                Some(proxies) => self.setup.look_at(proxies, req),
            }
        }
        if !self.is_default() {
            req.extensions_mut().insert(CurrentAddress(Arc::clone(self)));
        } else if req.extensions().contains::<CurrentAddress>() {
            // A limiter further out has left its own.
            req.extensions_mut().remove::<CurrentAddress>();
        }
    }

    /// Returns whether these are the settings that key functions use without any limiter.
    #[inline]
    pub(crate) fn is_default(&self) -> bool {
        self.proxies.is_none() && self.ipv6_prefix == Key::IPV6_PREFIX
    }

    #[inline]
    pub(crate) fn key(&self, req: &ServiceRequest) -> Key {
        match req.peer_addr() {
            // What most connections have needs no further look.
            Some(SocketAddr::V4(peer)) if self.proxies.is_none() => {
                Key::address(IpAddr::V4(*peer.ip()), self.ipv6_prefix)
            }
            _ => key(self.of(req), self.ipv6_prefix),
        }
    }

    #[inline]
    pub(crate) fn of(&self, req: &ServiceRequest) -> Option<IpAddr> {
        match &self.proxies {
            Some(proxies) => proxies.client(peer(req), req.headers()),
            None => peer(req),
        }
    }
}

/// Returns the key of an address.
#[inline]
pub(super) fn key(address: Option<IpAddr>, ipv6_prefix: u8) -> Key {
    address.map_or_else(without_address, |address| Key::address(address, ipv6_prefix))
}

/// Returns the address of the connection.
#[inline]
pub(super) fn peer(req: &ServiceRequest) -> Option<IpAddr> {
    req.peer_addr().map(|address| address.ip().to_canonical())
}

fn without_address() -> Key {
    static LOGGED: Throttle = Throttle::once("L005");
    event!(
        LOGGED.permit_now(),
        WARN,
        "connection without a peer address: all such connections share one count; behind a proxy on a Unix socket, \
         set `TrustedProxies::unix_sockets`, or set a key that identifies the client"
    );
    Key::text("no-address", "-")
}
