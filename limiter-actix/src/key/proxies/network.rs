//! Parses the networks of proxies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use limiter_core::log::{Throttle, event};

/// The length of the prefix of IPv4-mapped IPv6 addresses, `::ffff:0:0/96` (RFC 4291, section 2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// Parses a network, `10.0.0.0/8`, or an address.
///
/// IPv4-mapped IPv6 networks become IPv4, as do the addresses that are compared with them.
pub(crate) fn parse(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    Some(unmapped(network).trunc())
}

fn unmapped(network: IpNet) -> IpNet {
    let mapped = |address: Ipv6Addr| address.to_ipv4_mapped();
    match network {
        IpNet::V6(v6) if v6.prefix_len() >= MAPPED_BITS => {
            let v4 = |address: Ipv4Addr| Ipv4Net::new(address, v6.prefix_len() - MAPPED_BITS).ok();
            mapped(v6.addr()).and_then(v4).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

/// Logs once that all addresses are trusted.
pub(super) fn warn_all_trusted() {
    static LOGGED: Throttle = Throttle::once("L013");
    event!(
        LOGGED.permit_now(),
        WARN,
        "all addresses are trusted as proxies: clients can choose their address; name the networks of the proxies, or \
         set `TrustedProxies::hops`"
    );
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn networks_and_addresses_are_parsed() {
        for (text, network) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            (" 10.1.2.3/8 ", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("fd00::/8", "fd00::/8"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.0.0.1", "10.0.0.1/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(parse(text).map(|network| network.to_string()).as_deref(), Some(network), "{text}");
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "fd00::/129",
            "localhost",
            "10.0.0.0/",
            "*",
            "10.0.0.0/8,fd00::/8",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
