//! Parses the address of a hop as proxies write it.

use std::{
    net::{IpAddr, Ipv6Addr},
    str,
};

/// Parses an address: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
///
/// The port may be obfuscated (RFC 7239, section 6). Zones (`fe80::1%eth0`, RFC 4007) are removed, because they have
/// a meaning on the proxy only. Returns `None` for anything else: `unknown`, `_hidden`, `unix:`, garbage.
pub(super) fn parse(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let address = if let Some(text) = text.strip_prefix('[') {
        let (host, port) = text.split_once(']')?;
        is_port(port).then(|| v6(host))?.map(IpAddr::V6)
    } else {
        match text.split_once(':') {
            None => text.parse().ok().map(IpAddr::V4),
            Some((host, port)) if !port.contains(':') => {
                is_number(port).then(|| host.parse().ok())?.map(IpAddr::V4)
            }
            Some(_) => v6(text).map(IpAddr::V6),
        }
    };
    address.as_ref().map(IpAddr::to_canonical)
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    match text.split_once('%') {
        Some((_, "")) => None,
        Some((address, _)) => address.parse().ok(),
        None => text.parse().ok(),
    }
}

/// Returns whether the text after an address is empty, or a colon and a port.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(is_number)
}

fn is_number(port: &str) -> bool {
    let is_plain = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_obfuscated = port.strip_prefix('_').is_some_and(|port| {
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    });
    is_plain || is_obfuscated
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn addresses_are_parsed() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("192.0.2.1:_p-0.x", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:DB8::1]:65535", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:c000:201]:80", "192.0.2.1"),
            ("::", "::"),
        ] {
            assert_eq!(parse(text.as_bytes()), address.parse().ok(), "{text}");
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "unix:",
            "localhost",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "01.2.3.4",
            "0x7f.1",
            "1.2.3.4:",
            "1.2.3.4:x",
            "1.2.3.4:123456",
            "1.2.3.4:-1",
            "1.2.3.4 ",
            "1.2.3.4%eth0",
            "[1.2.3.4]",
            "[1.2.3.4]:80",
            "[::1",
            "::1]",
            "[::1]80",
            "[::1]:",
            "[::1]:80:80",
            "[[::1]]",
            "fe80::1%",
            ":::",
            "1::2::3",
            "2001:db8::1:80:",
            "\"1.2.3.4\"",
            "1.2.3.4\0",
            "1.2.3.4:_",
            "1.2.3.4:_\u{e9}",
            "１.2.3.4",
            "[]",
            "[]:80",
            ":",
            "%",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse(b"1.2.3.4\xff"), None);
    }
}
