//! The bans of one process, as requests look them up.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use limiter_core::{Key, Timestamp};

use super::ban::Ban;
use crate::key::proxies::network;

/// Bans and passes by the names of their clients, and by their networks.
#[derive(Default)]
pub(super) struct BanTable {
    by_name: HashMap<Arc<str>, Arc<Ban>>,
    by_network: HashMap<IpNet, Arc<Ban>>,
    /// The lengths of prefixes among the networks of IPv4, and of IPv6.
    lengths: [BTreeSet<u8>; 2],
    /// The end of the ban that lasts longest.
    latest_end: Timestamp,
}

impl BanTable {
    pub(super) fn new(bans: impl IntoIterator<Item = Ban>) -> Self {
        let mut table = Self::default();
        for ban in bans {
            table.insert(ban);
        }
        table
    }

    pub(super) fn insert(&mut self, ban: Ban) {
        self.latest_end = self.latest_end.max(ban.end());
        let ban = Arc::new(ban);
        if let Some(network) = network::parse(ban.client()) {
            self.lengths[family(network.addr())].insert(network.prefix_len());
            self.by_network.insert(network, Arc::clone(&ban));
        }
        // Also an address, which may be a key of another kind than that of the client.
        self.by_name.insert(ban.client().into(), ban);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Arc<Ban>> {
        if let Some(network) = network::parse(name) {
            self.by_network.remove(&network);
        }
        self.by_name.remove(name)
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.latest_end <= now || self.by_name.is_empty()
    }

    /// Returns the ban or pass that is most specific: that of the first key that has one, or else that of the smallest
    /// network.
    pub(super) fn find<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k Key>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<&Arc<Ban>> {
        let of_keys = keys.into_iter().filter_map(|key| self.by_name.get(&*key.stored_name()));
        let of_network = address.into_iter().flat_map(|address| self.networks_around(address));
        of_keys.chain(of_network).find(|ban| ban.end() > now)
    }

    fn networks_around(&self, address: IpAddr) -> impl Iterator<Item = &Arc<Ban>> {
        let address = address.to_canonical();
        self.lengths[family(address)]
            .iter()
            .rev()
            .filter_map(move |length| self.by_network.get(&IpNet::new(address, *length).ok()?.trunc()))
    }
}

fn family(address: IpAddr) -> usize {
    usize::from(address.is_ipv6())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const LATER: Timestamp = Timestamp::from_millis(2_000_000);

    fn ban(name: &str, end: Timestamp) -> Ban {
        Ban::new(name, false, "", end)
    }

    fn found(table: &BanTable, keys: &[Key], address: &str) -> Option<String> {
        table.find(keys, address.parse().ok(), NOW).map(|ban| ban.client().to_owned())
    }

    #[test]
    fn the_most_specific_one_is_found() {
        let alice = Key::text("user", "alice");
        let names = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32", "2001:db8::1"];
        let mut table = BanTable::new(names.map(|name| ban(name, LATER)));
        table.insert(ban(&alice.stored_name(), LATER));
        for (keys, address, expected) in [
            (&[][..], "10.9.9.9", Some("10.0.0.0/8")),
            (&[], "10.1.9.9", Some("10.1.0.0/16")),
            (&[], "10.1.2.3", Some("10.1.2.3")),
            (&[], "::ffff:10.1.2.3", Some("10.1.2.3")),
            (&[], "11.1.2.3", None),
            (&[], "2001:db8::1", Some("2001:db8::1")),
            (&[], "2001:db8::2", Some("2001:db8::/32")),
            (&[], "2001:db9::2", None),
            (&[Key::text("user", "bob"), alice.clone()], "10.1.2.3", Some(&alice.stored_name())),
            (&[Key::from("10.1.2.3")], "11.1.2.3", None),
            (&[Key::from(IpAddr::from([10, 1, 2, 3]))], "11.1.2.3", Some("10.1.2.3")),
        ] {
            assert_eq!(found(&table, keys, address).as_deref(), expected, "{keys:?} {address}");
        }
        assert!(table.remove("10.1.2.3").is_some());
        assert_eq!(found(&table, &[], "10.1.2.3").as_deref(), Some("10.1.0.0/16"));
    }

    #[test]
    fn a_ban_that_is_over_hides_no_other() {
        let table = BanTable::new([ban("10.1.2.3", NOW), ban("10.0.0.0/8", LATER)]);
        assert_eq!(found(&table, &[], "10.1.2.3").as_deref(), Some("10.0.0.0/8"));
        assert!(!table.is_over(NOW));
        assert!(table.is_over(LATER));
        assert!(BanTable::default().is_over(NOW));
    }
}
