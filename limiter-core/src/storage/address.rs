use std::fmt;

/// The host and port at which a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address {
    /// A name or an IP address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    pub(super) fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Parses `host`, `host:port` or `[v6]:port`. Returns `None` for any other text.
    pub(super) fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(text) => text.split_once(']')?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            // `parse` also accepts a sign.
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
            None if port.is_empty() => default_port,
            _ => return None,
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
        let is_host = !host.is_empty() && host.bytes().all(fits);
        (is_host && port != 0).then(|| Self::new(host, port))
    }
}

/// Lists addresses for the log.
#[cfg(any(feature = "memcached", feature = "redis-cluster", feature = "redis-sentinel"))]
pub(super) fn list(addresses: &[Address]) -> String {
    addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_parsed() {
        for (text, expected) in [
            ("a", Some(("a", 1))),
            ("a.b-c_d:2", Some(("a.b-c_d", 2))),
            ("[::1]:3", Some(("::1", 3))),
            ("[::1]", Some(("::1", 1))),
            ("[fe80::1%eth0]:5", Some(("fe80::1%eth0", 5))),
            ("", None),
            (":2", None),
            ("a:", None),
            ("a:0", None),
            ("a:+1", None),
            ("a:65536", None),
            ("a:b", None),
            ("::1", None),
            ("[::1", None),
            ("[::1]2", None),
            ("a b", None),
            ("a@b", None),
        ] {
            let expected = expected.map(|(host, port)| Address::new(host, port));
            assert_eq!(Address::parse(text, 1), expected, "{text}");
        }
    }

    #[test]
    fn an_address_is_displayed_as_it_is_written() {
        for text in ["a:2", "[::1]:3"] {
            assert_eq!(Address::parse(text, 1).unwrap().to_string(), text);
        }
    }
}
