//! Traces that one request has of the set-up of trusted proxies.

use std::net::IpAddr;

use actix_web::http::header::HeaderMap;

use super::{Hops, MAX_HOPS, TrustedProxies};

/// The way of a request through proxies.
pub(in crate::key) struct Trace {
    /// Set if the connection is that of a trusted proxy.
    pub(in crate::key) is_from_proxy: bool,
    pub(in crate::key) has_header: bool,
    pub(in crate::key) fault: Option<Fault>,
    pub(in crate::key) client: Option<IpAddr>,
}

/// A sign of a wrong set-up in a single request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::key) enum Fault {
    /// There are fewer addresses than the number of proxies.
    Short,
    /// The client's address is that of a proxy which is not trusted: a private one, that reports another.
    EndsAtProxy,
}

impl TrustedProxies {
    /// Returns whether no proxy is trusted, on purpose.
    pub(in crate::key) fn are_none(&self) -> bool {
        self.networks.as_ref().is_some_and(Vec::is_empty) && !self.unix_sockets
    }

    /// Follows a request as [`client`](Self::client) does.
    pub(in crate::key) fn trace(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Trace {
        let mut client = peer.map(|address| address.to_canonical());
        let is_from_proxy = self.trusts(client);
        let mut hops = Hops::new(headers, &self.header, self.syntax);
        let (mut number, mut is_read) = (0, false);
        while is_from_proxy && self.trusts(client) && number < self.hops.unwrap_or(MAX_HOPS).min(MAX_HOPS) {
            let Some(address) = hops.next() else {
                is_read = true;
                break;
            };
            client = Some(address);
            number += 1;
        }
        let is_short = is_read && self.hops.is_some_and(|hops| number < hops);
        let is_inside = !is_read && number > 0 && client.is_some_and(is_private);
        let fault = if is_from_proxy && is_short {
            Some(Fault::Short)
        } else if is_from_proxy && is_inside && hops.next().is_some() {
            Some(Fault::EndsAtProxy)
        } else {
            None
        };
        Trace { is_from_proxy, has_header: headers.contains_key(&self.header), fault, client }
    }
}

/// Returns whether an address belongs to no client on the internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            // Of carriers: 100.64.0.0/10 (RFC 6598).
            let is_shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
