//! The networks of proxies.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Once,
};

use ipnet::{IpNet, Ipv4Net};

/// How many bits of `::ffff:0:0/96` stand before the IPv4 address (RFC 4291, section 2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// Reads `10.0.0.0/8` or an address. What is IPv4 in IPv6 clothes becomes IPv4, as all addresses do that are
/// compared with it.
pub(super) fn read(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    Some(folded(network).trunc())
}

fn folded(network: IpNet) -> IpNet {
    let mapped = |address: Ipv6Addr| address.to_ipv4_mapped();
    match network {
        IpNet::V6(v6) if v6.prefix_len() >= MAPPED_BITS => {
            let v4 = |address: Ipv4Addr| Ipv4Net::new(address, v6.prefix_len() - MAPPED_BITS).ok();
            mapped(v6.addr()).and_then(v4).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

/// Says once that everybody is trusted.
pub(super) fn warn_of_all() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            code = "L013",
            "all addresses are trusted as proxies: a client is then whoever it says it is; name the networks of \
             the proxies, or how many they are with `TrustedProxies::hops`"
        );
    });
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn reads_networks_and_addresses() {
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
            assert_eq!(read(text).map(|network| network.to_string()).as_deref(), Some(network), "{text}");
        }
    }

    #[test]
    fn takes_nothing_else() {
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
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
