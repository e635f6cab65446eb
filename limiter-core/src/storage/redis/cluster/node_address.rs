//! Addresses of nodes as other nodes report them.

use crate::storage::address::Address;

/// Parses `host:port` from a redirection by the node `reporter`. An IPv6 address may lack brackets.
pub(super) fn parse(text: &str, reporter: &Address) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    Some(resolve(host.trim_matches(['[', ']']), port.parse().ok()?, reporter))
}

/// Returns an address. An empty or unknown host is that of the node that reported it.
pub(super) fn resolve(host: &str, port: u16, reporter: &Address) -> Address {
    let host = if host.is_empty() || host == "?" { &reporter.host } else { host };
    Address::new(host, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_may_leave_out_its_own_host() {
        let reporter = Address::new("here", 1);
        for (text, expected) in [
            ("a:2", Some(("a", 2))),
            ("::1:3", Some(("::1", 3))),
            ("[::1]:3", Some(("::1", 3))),
            (":4", Some(("here", 4))),
            ("?:5", Some(("here", 5))),
            ("a", None),
            ("a:b", None),
        ] {
            let expected = expected.map(|(host, port)| Address::new(host, port));
            assert_eq!(parse(text, &reporter), expected, "{text}");
        }
    }
}
