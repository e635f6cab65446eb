//! Parses the URI of the servers.

use crate::storage::{StorageError, address::Address};

const SCHEME: &str = "memcached://";
const DEFAULT_PORT: u16 = 11211;
const MAX_SERVERS: usize = 100;

/// Parses `memcached://host[:port][,host[:port]]..`.
pub(super) fn parse(uri: &str) -> Result<Vec<Address>, StorageError> {
    const EXPECTED: StorageError =
        StorageError::new("invalid memcached URI: expected `memcached://host:port,host:port`");
    let list = uri.strip_prefix(SCHEME).ok_or(EXPECTED)?;
    if list.contains('@') {
        return Err(StorageError::new(
            "invalid memcached URI: credentials are not supported; remove the text before the `@`",
        ));
    }
    let servers: Option<Vec<_>> = list.strip_suffix('/').unwrap_or(list).split(',').map(server).collect();
    let servers = servers.ok_or(EXPECTED)?;
    if servers.len() > MAX_SERVERS {
        return Err(StorageError::new("invalid memcached URI: more than 100 servers"));
    }
    for (index, server) in servers.iter().enumerate() {
        if servers[..index].contains(server) {
            return Err(StorageError::new("invalid memcached URI: a server is listed twice"));
        }
    }
    Ok(servers)
}

fn server(text: &str) -> Option<Address> {
    // All processes must hash the same name.
    Address::parse(&text.to_ascii_lowercase(), DEFAULT_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(uri: &str) -> Result<Vec<String>, String> {
        let servers = parse(uri).map_err(|error| error.to_string())?;
        Ok(servers.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn servers_are_parsed() {
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
    fn other_uris_are_refused() {
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
            ("memcached://user:secret@a", "credentials"),
            ("memcached://a:1,A:1", "twice"),
            (&many, "more than 100"),
        ];
        for (uri, expected) in table {
            let error = names(uri).expect_err(uri);
            assert!(error.contains(expected) && !error.contains("secret"), "{uri}: {error}");
        }
    }
}
