//! The clients that a ban is for.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;
use limiter_core::Key;

use super::ban::Ban;
use crate::key::proxies::network;

/// The clients that a ban or a pass is for.
///
/// ```
/// use std::net::IpAddr;
/// use limiter_actix::{BanTarget, Key};
///
/// // The requests that some limit, or the limiter, counts by this key.
/// let user: BanTarget = (&Key::text("user", "alice")).into();
/// // A client by its address: of IPv6 the network that the limiter counts as one client.
/// let client: BanTarget = IpAddr::from([192, 0, 2, 1]).into();
/// // All clients of a network.
/// let network: BanTarget = "198.51.100.0/24".parse()?;
/// # let _ = (user, client, network);
/// # Ok::<(), limiter_actix::InvalidNetwork>(())
/// ```
#[derive(Clone, Debug)]
pub struct BanTarget(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Key(Key),
    Address(IpAddr),
    Network(IpNet),
    Name(String),
}

/// The error of a text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network, such as `192.0.2.1` or `2001:db8::/32`")]
pub struct InvalidNetwork;

impl BanTarget {
    /// Returns the name of the target in the storage, or `None` if it identifies no client.
    pub(crate) fn name(&self, ipv6_prefix: u8) -> Option<String> {
        match &self.0 {
            Repr::Key(key) if key.is_missing() || key.is_failed() || key.is_unlimited() => None,
            Repr::Key(key) => Some(key.stored_name()),
            Repr::Address(address) => Some(name_of(network_of(*address, ipv6_prefix))),
            Repr::Network(network) => Some(name_of(*network)),
            Repr::Name(name) => Some(name.clone()),
        }
    }

    /// Returns all names under which the target may have been banned: an IPv6 client by its key and by its network.
    pub(crate) fn names(&self, ipv6_prefix: u8) -> Vec<String> {
        let mut names: Vec<_> = self.name(ipv6_prefix).into_iter().collect();
        let address = match &self.0 {
            Repr::Address(address) => Some(*address),
            Repr::Key(key) => key.stored_name().parse().ok(),
            Repr::Network(_) | Repr::Name(_) => None,
        };
        if let Some(address @ IpAddr::V6(_)) = address {
            let key = Key::address(address, ipv6_prefix).stored_name();
            names.extend([key, name_of(network_of(address, ipv6_prefix))]);
            names.sort_unstable();
            names.dedup();
        }
        names
    }
}

/// Returns the network that a limiter counts as one client.
fn network_of(address: IpAddr, ipv6_prefix: u8) -> IpNet {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { 32 } else { ipv6_prefix.min(128) };
    IpNet::new(address, bits).map_or_else(|_| IpNet::from(address), |network| network.trunc())
}

/// Returns the name of a network. One of a single address of IPv4 has the name of the address, as its key does. Of IPv6,
/// such a name is that of a key, which stands for more addresses.
fn name_of(network: IpNet) -> String {
    match network {
        IpNet::V4(network) if network.prefix_len() == 32 => network.addr().to_string(),
        _ => network.to_string(),
    }
}

impl From<&Key> for BanTarget {
    fn from(key: &Key) -> Self {
        Self(Repr::Key(key.clone()))
    }
}

impl From<Key> for BanTarget {
    fn from(key: Key) -> Self {
        Self(Repr::Key(key))
    }
}

impl From<IpAddr> for BanTarget {
    fn from(address: IpAddr) -> Self {
        Self(Repr::Address(address))
    }
}

/// The target of another ban, to end it or to change its duration.
impl From<&Ban> for BanTarget {
    fn from(ban: &Ban) -> Self {
        Self(Repr::Name(ban.client().to_owned()))
    }
}

/// Parses an address or a network.
impl FromStr for BanTarget {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        network::parse(text).map(|network| Self(Repr::Network(network))).ok_or(InvalidNetwork)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_targets() {
        let address = |text: &str| BanTarget::from(text.parse::<IpAddr>().expect("an address"));
        let network = |text: &str| text.parse::<BanTarget>().expect("a network");
        for (target, names) in [
            (address("192.0.2.1"), &["192.0.2.1"][..]),
            (address("::ffff:192.0.2.1"), &["192.0.2.1"]),
            (address("2001:db8::1"), &["2001:db8::/64", "2001:db8::"]),
            (network("192.0.2.1"), &["192.0.2.1"]),
            (network("192.0.2.9/24"), &["192.0.2.0/24"]),
            (network("::ffff:192.0.2.0/120"), &["192.0.2.0/24"]),
            (network("2001:db8::1"), &["2001:db8::1/128"]),
            (BanTarget::from(&Key::from(IpAddr::from([192, 0, 2, 1]))), &["192.0.2.1"]),
            (
                BanTarget::from(Key::address("2001:db8::1".parse().expect("one"), 64)),
                &["2001:db8::", "2001:db8::/64"],
            ),
            (BanTarget::from(Key::missing()), &[]),
            (BanTarget::from(Key::unlimited()), &[]),
        ] {
            assert_eq!(target.name(64).as_deref(), names.first().copied(), "{target:?}");
            let mut sorted = names.to_vec();
            sorted.sort_unstable();
            assert_eq!(target.names(64), sorted, "{target:?}");
        }
        assert_eq!("localhost".parse::<BanTarget>().map(drop), Err(InvalidNetwork));
    }
}
