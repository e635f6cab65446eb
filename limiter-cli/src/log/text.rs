//! The Common Log Format, and the same with referrer and user agent.
//!
//! `ADDRESS IDENTITY USER [TIME] "REQUEST" STATUS BYTES "REFERRER" "USER AGENT"`; Apache may write the virtual host before.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
};

use memchr::{memchr, memchr2};

use super::fields::{Fields, InvalidLine, request_line};
use crate::time::CommonTime;

#[derive(Default)]
pub(super) struct TextParser {
    time: CommonTime,
}

impl TextParser {
    pub(super) fn parse<'a>(
        &mut self,
        line: &'a [u8],
        needs_agent: bool,
        wants_headers: bool,
    ) -> Result<Fields<'a>, InvalidLine> {
        let (client, rest) = client(line).ok_or(InvalidLine::Client)?;
        let start = memchr(b'[', rest).ok_or(InvalidLine::Time)?;
        let rest = &rest[start + 1..];
        let end = memchr(b']', rest).ok_or(InvalidLine::Time)?;
        let at = self.time.parse(&rest[..end]).ok_or(InvalidLine::Time)?;
        let (request, rest) = quoted(&rest[end + 1..]).ok_or(InvalidLine::Request)?;
        let mut headers = Vec::new();
        if needs_agent || wants_headers {
            let agent = agent(rest);
            if needs_agent && agent.is_none() {
                return Err(InvalidLine::Agent);
            }
            headers.extend(agent.into_iter().flatten().filter(|(_, value)| wants_headers && value != "-"));
        }
        let (method, target) = match &request {
            Cow::Borrowed(request) => {
                let (method, target) = request_line(request)?;
                (Cow::Borrowed(method), Cow::Borrowed(target))
            }
            Cow::Owned(request) => {
                let (method, target) = request_line(request)?;
                (Cow::Owned(method.to_owned()), Cow::Owned(target.to_owned()))
            }
        };
        Ok(Fields { at, client, method, target, headers })
    }
}

/// Returns the address of the client, and the rest of the line.
fn client(line: &[u8]) -> Option<(IpAddr, &[u8])> {
    let (first, rest) = word(line)?;
    if let Some(client) = address(first) {
        return Some((client, rest));
    }
    let (second, rest) = word(rest)?;
    Some((address(second)?, rest))
}

fn word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr(b' ', line)?;
    Some((&line[..space], &line[space + 1..]))
}

fn address(text: &[u8]) -> Option<IpAddr> {
    if let Some(address) = v4_address(text) {
        return Some(address.into());
    }
    str::from_utf8(text).ok()?.parse().ok()
}

/// Parses an address of IPv4, which most are, at a third of the cost. `None` leaves the decision to the parser of `std`.
fn v4_address(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut bytes, mut index, mut digits, mut value) = ([0; 4], 0, 0, 0_u8);
    for byte in text {
        if *byte == b'.' && index < 3 && digits > 0 {
            bytes[index] = value;
            (index, digits, value) = (index + 1, 0, 0);
        } else if byte.is_ascii_digit() && (digits == 0 || value > 0) {
            value = value.checked_mul(10)?.checked_add(byte - b'0')?;
            digits += 1;
        } else {
            return None;
        }
    }
    bytes[3] = value;
    (index == 3 && digits > 0).then(|| bytes.into())
}

/// Returns the referrer and the user agent, as headers.
fn agent(rest: &[u8]) -> Option<[(String, String); 2]> {
    let (referrer, rest) = quoted(rest)?;
    let (agent, _) = quoted(rest)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some([("referer".to_owned(), text(&referrer)), ("user-agent".to_owned(), text(&agent))])
}

/// Returns the next text in quotes without its escapes, and the rest.
fn quoted(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let start = memchr(b'"', text)? + 1;
    let text = &text[start..];
    let end = memchr2(b'"', b'\\', text)?;
    if text[end] == b'"' {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    unescaped(text, end)
}

/// Resolves `\"`, `\\`, `\n`, `\t`, `\r` and `\xHH`, from the first escape on.
#[cold]
fn unescaped(text: &[u8], first: usize) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut plain = text[..first].to_vec();
    let mut rest = &text[first..];
    loop {
        match rest {
            [b'"', after @ ..] => return Some((Cow::Owned(plain), after)),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                plain.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                plain.push(match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => *other,
                });
                rest = after;
            }
            [byte, after @ ..] => {
                plain.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

/// Returns the value of a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    fn parse(line: &str) -> Result<Fields<'_>, InvalidLine> {
        TextParser::default().parse(line.as_bytes(), false, true)
    }

    fn is(line: &str, client: &str, method: &str, target: &[u8]) {
        let entry = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(entry.client, client.parse::<IpAddr>().unwrap(), "{line}");
        assert_eq!((&*entry.method, &*entry.target), (method, target), "{line}");
        assert_eq!(time::shown(entry.at), "2026-10-09T13:55:36Z", "{line}");
    }

    #[test]
    fn lines_of_the_common_family() {
        for line in [
            r#"192.0.2.7 - - [09/Oct/2026:13:55:36 +0000] "GET /a?b=c HTTP/1.1" 200 12"#,
            r#"192.0.2.7 - jo hn [09/Oct/2026:06:55:36 -0700] "GET /a?b=c HTTP/2.0" 200 - "-" "curl/8""#,
            r#"example.com:443 192.0.2.7 - - [09/Oct/2026:13:55:36 +0000] "GET /a?b=c HTTP/1.1" 200 12"#,
            r#"192.0.2.7 - - [09/Oct/2026:13:55:36 +0000] "GET /a?b=c" 200 12"#,
        ] {
            is(line, "192.0.2.7", "GET", b"/a?b=c");
        }
        is(
            r#"2001:db8::1 - - [09/Oct/2026:13:55:36 +0000] "POST / HTTP/1.1" 200 0"#,
            "2001:db8::1",
            "POST",
            b"/",
        );
    }

    #[test]
    fn escapes_of_requests_are_resolved() {
        let line = r#"192.0.2.7 - - [09/Oct/2026:13:55:36 +0000] "GET /a\x22\"\\\xff\x0A b HTTP/1.1" 200 12 "r" "u""#;
        is(line, "192.0.2.7", "GET", b"/a\"\"\\\xff\n b");
        let headers = parse(line).unwrap().headers;
        assert_eq!(
            headers,
            [("referer", "r"), ("user-agent", "u")].map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
    }

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        for text in [
            "0.0.0.0",
            "255.255.255.255",
            "10.1.20.255",
            "256.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "1..2.3",
            "1.2.3.",
            "01.2.3.4",
            "00.0.0.0",
            "1.2.3.4x",
            "",
            ".",
            "::1",
            "::ffff:1.2.3.4",
            "999.1.1.1",
            "1.2.3.1000",
        ] {
            assert_eq!(address(text.as_bytes()), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn broken_lines_have_reasons() {
        let time = "[09/Oct/2026:13:55:36 +0000]";
        for (line, expected) in [
            ("garbage".to_owned(), InvalidLine::Client),
            (format!("host.example.com - - {time} \"GET / HTTP/1.1\" 200 0"), InvalidLine::Client),
            ("192.0.2.7 - - \"GET / HTTP/1.1\" 200 0".to_owned(), InvalidLine::Time),
            ("192.0.2.7 - - [yesterday] \"GET / HTTP/1.1\" 200 0".to_owned(), InvalidLine::Time),
            (format!("192.0.2.7 - - {time} \"GET / HTTP/1.1"), InvalidLine::Request),
            (format!("192.0.2.7 - - {time} \"-\" 400 0"), InvalidLine::Request),
            (format!("192.0.2.7 - - {time} \"\" 400 0"), InvalidLine::Request),
            (format!("192.0.2.7 - - {time} \"\\x16\\x03\\x01 \\x02\" 400 0"), InvalidLine::Request),
            (format!("192.0.2.7 - - {time} \"get / HTTP/1.1\" 400 0"), InvalidLine::Request),
            (format!("192.0.2.7 - - {time} \"GET  HTTP/1.1\" 400 0"), InvalidLine::Request),
        ] {
            assert_eq!(parse(&line).expect_err(&line), expected, "{line}");
        }
        let line = format!("192.0.2.7 - - {time} \"GET / HTTP/1.1\" 200 0");
        let parsed = TextParser::default().parse(line.as_bytes(), true, false);
        assert_eq!(parsed.expect_err("no agent"), InvalidLine::Agent);
    }
}
