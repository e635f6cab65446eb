//! Where the servers are, and which of them keeps whose counts.

use std::{fmt, hash::Hasher};

use siphasher::sip::SipHasher13;

use crate::storage::StorageError;

const SCHEME: &str = "memcached://";
const DEFAULT_PORT: u16 = 11211;

/// How many servers there may be.
const MOST_SERVERS: usize = 100;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// A name or an IP address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Reads `memcached://host[:port][,host[:port]]..`.
pub(super) fn read(uri: &str) -> Result<Vec<Address>, StorageError> {
    const EXPECTED: StorageError =
        StorageError::new("expected an address such as memcached://host:port,host:port");
    let list = uri.strip_prefix(SCHEME).ok_or(EXPECTED)?;
    if list.contains('@') {
        return Err(StorageError::new(
            "there is no way to log in to memcached: leave out what stands before the @",
        ));
    }
    let servers: Option<Vec<_>> = list.strip_suffix('/').unwrap_or(list).split(',').map(address).collect();
    let servers = servers.ok_or(EXPECTED)?;
    if servers.len() > MOST_SERVERS {
        return Err(StorageError::new("there are more than 100 memcached servers"));
    }
    for (index, server) in servers.iter().enumerate() {
        if servers[..index].contains(server) {
            return Err(StorageError::new("a memcached server stands twice in the address"));
        }
    }
    Ok(servers)
}

fn address(text: &str) -> Option<Address> {
    let (host, port) = match text.strip_prefix('[') {
        Some(text) => text.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
        None if port.is_empty() => DEFAULT_PORT,
        _ => return None,
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    let is_host = !host.is_empty() && host.bytes().all(fits);
    (is_host && port != 0).then(|| Address { host: host.to_ascii_lowercase(), port })
}

/// Which server keeps the counts of a client: the one with the highest hash of both (rendezvous hashing, Thaler
/// and Ravishankar 1996). It is the same in every process, whatever the order of the servers; when one is
/// added or removed, only the clients that it gets or had move.
pub(super) fn place(servers: &[Address], client: &str) -> usize {
    let weight = |place: &usize| {
        let server = &servers[*place];
        // No seed: all processes must agree.
        let mut hash = SipHasher13::new();
        hash.write(server.host.as_bytes());
        hash.write(&[0xff]);
        hash.write(&server.port.to_le_bytes());
        hash.write(client.as_bytes());
        hash.finish()
    };
    if servers.len() == 1 { 0 } else { (0..servers.len()).max_by_key(weight).unwrap_or(0) }
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

    fn names(uri: &str) -> Result<Vec<String>, String> {
        let servers = read(uri).map_err(|error| error.to_string())?;
        Ok(servers.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn addresses_are_read() {
        let table: [(&str, &[&str]); 6] = [
            ("memcached://127.0.0.1:11212", &["127.0.0.1:11212"]),
            ("memcached://localhost", &["localhost:11211"]),
            ("memcached://A:1,b-c.d_e:2/", &["a:1", "b-c.d_e:2"]),
            ("memcached://[::1]", &["[::1]:11211"]),
            ("memcached://[FE80::1%eth0]:5", &["[fe80::1%eth0]:5"]),
            ("memcached://a:1,a:2,a", &["a:1", "a:2", "a:11211"]),
        ];
        for (uri, expected) in table {
            assert_eq!(names(uri).unwrap(), expected, "{uri}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let many: Vec<_> = (1..=101).map(|port| format!("a:{port}")).collect();
        let many = format!("memcached://{}", many.join(","));
        let table = [
            ("", "expected"),
            ("memcached:", "expected"),
            ("memcached://", "expected"),
            ("redis://a", "expected"),
            ("memcached://a,", "expected"),
            ("memcached://a:", "expected"),
            ("memcached://:1", "expected"),
            ("memcached://a:0", "expected"),
            ("memcached://a:65536", "expected"),
            ("memcached://a:+1", "expected"),
            ("memcached://a b", "expected"),
            ("memcached://a/b", "expected"),
            ("memcached://::1", "expected"),
            ("memcached://[::1", "expected"),
            ("memcached://[::1]x", "expected"),
            ("memcached://a?b", "expected"),
            ("memcached://user:secret@a", "log in"),
            ("memcached://a:1,A:1", "twice"),
            (&many, "more than 100"),
        ];
        for (uri, expected) in table {
            let error = names(uri).expect_err(uri);
            assert!(error.contains(expected) && !error.contains("secret"), "{uri}: {error}");
        }
    }

    #[test]
    fn clients_are_spread_and_move_only_when_they_must() {
        let servers = read("memcached://a,b,c,d").unwrap();
        let mut turned = servers.clone();
        turned.reverse();
        let clients: Vec<_> = (0..4000).map(|client| format!("client~{client}")).collect();
        let mut spread = [0; 4];
        for client in &clients {
            let at = place(&servers, client);
            spread[at] += 1;
            assert_eq!(servers[at], turned[place(&turned, client)], "the order does not matter");
            let others: Vec<_> = servers.iter().filter(|it| **it != servers[3]).cloned().collect();
            if at != 3 {
                assert_eq!(
                    others[place(&others, client)],
                    servers[at],
                    "only what the lost server had moves"
                );
            }
        }
        assert!(spread.iter().all(|clients| (850..1150).contains(clients)), "{spread:?}");
    }

    /// It must never change, or the processes of an old and a new build count apart.
    #[test]
    fn places_are_for_ever() {
        let servers = read("memcached://a,b,c,d").unwrap();
        let places: Vec<_> = (0..12).map(|client| place(&servers, &format!("192.0.2.{client}"))).collect();
        assert_eq!(places, [3, 2, 2, 0, 3, 0, 0, 1, 0, 0, 3, 1]);
    }
}
