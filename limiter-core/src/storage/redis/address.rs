use std::fmt;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    pub(super) fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Reads `host`, `host:port` or `[v6]:port`.
    pub(super) fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(text) => text.split_once(']')?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
            None if port.is_empty() => default_port,
            None => return None,
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
        (!host.is_empty() && host.bytes().all(is_host)).then(|| Self::new(host, port))
    }

    /// Reads what a node of a cluster says of another: `host:port`, where an IPv6 address has no brackets, and
    /// no host is that of the node itself.
    #[cfg(feature = "redis-cluster")]
    pub(super) fn of_node(text: &str, asked: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.trim_matches(['[', ']']);
        let host = if host.is_empty() || host == "?" { &asked.host } else { host };
        Some(Self::new(host, port.parse().ok()?))
    }
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
    fn hosts_and_ports() {
        for (text, expected) in [
            ("a", Some(("a", 1))),
            ("a.b-c_d:2", Some(("a.b-c_d", 2))),
            ("[::1]:3", Some(("::1", 3))),
            ("[::1]", Some(("::1", 1))),
            ("", None),
            (":2", None),
            ("a:", None),
            ("a:0", None),
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
    fn an_address_is_shown_as_it_is_written() {
        for text in ["a:2", "[::1]:3"] {
            assert_eq!(Address::parse(text, 1).unwrap().to_string(), text);
        }
    }

    #[cfg(feature = "redis-cluster")]
    #[test]
    fn nodes_may_leave_out_themselves() {
        let asked = Address::new("here", 1);
        for (text, expected) in [
            ("a:2", Some(("a", 2))),
            ("::1:3", Some(("::1", 3))),
            (":4", Some(("here", 4))),
            ("?:5", Some(("here", 5))),
            ("a", None),
            ("a:b", None),
        ] {
            let expected = expected.map(|(host, port)| Address::new(host, port));
            assert_eq!(Address::of_node(text, &asked), expected, "{text}");
        }
    }
}
