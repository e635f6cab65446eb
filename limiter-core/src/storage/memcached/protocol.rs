//! The commands of memcached's meta protocol that the storage uses, and their replies.

use std::fmt::Write;

/// The longest key in bytes. The server accepts no blanks or control characters in it.
pub(super) const MAX_KEY_LEN: usize = 250;

/// Longer than any line of a reply to our commands.
const MAX_LINE_LEN: usize = 512;
/// Longer than any value that the storage writes: a full list of notes.
pub(super) const MAX_VALUE_LEN: usize = 1 << 20;

/// Commands that are sent together. The server replies in their order.
#[derive(Debug, Default)]
pub(super) struct Commands {
    pub(super) text: String,
    pub(super) replies: usize,
}

/// A condition for writing a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Condition {
    /// The key has no value yet.
    Absent,
    /// The value still has this version.
    Version(u64),
    /// Always writes.
    None,
}

impl Commands {
    /// Reads a value and its version.
    pub(super) fn get(&mut self, key: &str) {
        self.add(format_args!("mg {key} c v\r\n"));
    }

    /// Writes a value with the expiry `exptime` and reads its new version.
    pub(super) fn set(&mut self, key: &str, value: &str, exptime: u64, condition: Condition) {
        let length = value.len();
        let condition = match condition {
            Condition::Absent => " ME".to_owned(),
            Condition::Version(cas) => format!(" C{cas}"),
            Condition::None => String::new(),
        };
        self.add(format_args!("ms {key} {length}{condition} c T{exptime}\r\n{value}\r\n"));
    }

    /// Removes a value. With `cas`, removes it only if it still has this version.
    pub(super) fn delete(&mut self, key: &str, cas: Option<u64>) {
        match cas {
            Some(cas) => self.add(format_args!("md {key} C{cas}\r\n")),
            None => self.add(format_args!("md {key}\r\n")),
        }
    }

    /// Has the server reply without doing anything.
    pub(super) fn no_op(&mut self) {
        self.add(format_args!("mn\r\n"));
    }

    fn add(&mut self, command: std::fmt::Arguments<'_>) {
        // Writing to a `String` never fails.
        let _ = self.text.write_fmt(command);
        self.replies += 1;
    }
}

/// The server's reply to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A value, with its version.
    Value(u64, String),
    /// The key has no value.
    Absent,
    /// The command succeeded. A written value has this version.
    Done(Option<u64>),
    /// The value has another version than the command required, or exists although it must not.
    Changed,
    /// The reply to [`Commands::no_op`].
    NoOp,
    /// The server's message of an error.
    Failed(String),
}

/// The printable beginning of a reply that the parser rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MalformedReply(pub(super) String);

impl Reply {
    /// Parses the reply at the beginning of `bytes` and returns it with its length. Returns `None` if it is
    /// incomplete.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, MalformedReply> {
        let Some(end) = bytes.iter().take(MAX_LINE_LEN).position(|byte| *byte == b'\n') else {
            return if bytes.len() < MAX_LINE_LEN { Ok(None) } else { Err(malformed(bytes)) };
        };
        let line = bytes[..end].strip_suffix(b"\r").ok_or_else(|| malformed(bytes))?;
        let line = str::from_utf8(line).map_err(|_| malformed(line))?;
        let rest = &bytes[end + 1..];
        let mut words = line.split(' ');
        let reply = match words.next() {
            Some("VA") => return Self::value(line, words, rest, end + 1),
            Some("HD") => Self::Done(number(words)),
            Some("EN" | "NF") => Self::Absent,
            Some("EX" | "NS") => Self::Changed,
            Some("MN") => Self::NoOp,
            Some("SERVER_ERROR") => Self::Failed(line.to_owned()),
            _ => return Err(malformed(line.as_bytes())),
        };
        Ok(Some((reply, end + 1)))
    }

    fn value<'a>(
        line: &str,
        mut words: impl Iterator<Item = &'a str>,
        rest: &[u8],
        before: usize,
    ) -> Result<Option<(Self, usize)>, MalformedReply> {
        let error = || malformed(line.as_bytes());
        let length: usize = words.next().and_then(|word| word.parse().ok()).ok_or_else(error)?;
        if length > MAX_VALUE_LEN {
            return Err(error());
        }
        let cas = number(words).ok_or_else(error)?;
        let Some((value, end)) = rest.split_at_checked(length) else { return Ok(None) };
        match end {
            [b'\r', b'\n', ..] => {}
            [] | [b'\r'] => return Ok(None),
            _ => return Err(error()),
        }
        // The storage writes ASCII only; any other value does not parse as a count.
        let value = String::from_utf8_lossy(value).into_owned();
        Ok(Some((Self::Value(cas, value), before + length + 2)))
    }
}

/// Returns the version among the flags of a reply.
fn number<'a>(mut flags: impl Iterator<Item = &'a str>) -> Option<u64> {
    flags.find_map(|flag| flag.strip_prefix('c')?.parse().ok())
}

/// Escapes the beginning of a reply for a log.
fn malformed(bytes: &[u8]) -> MalformedReply {
    let beginning = &bytes[..bytes.len().min(80)];
    MalformedReply(beginning.escape_ascii().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_follow_the_meta_protocol() {
        let mut commands = Commands::default();
        commands.get("a");
        commands.set("a", "1 2", 60, Condition::Absent);
        commands.set("b", "", 0, Condition::Version(7));
        commands.set("c", "x", 1, Condition::None);
        commands.delete("a", Some(9));
        commands.delete("b", None);
        commands.no_op();
        let expected = "mg a c v\r\nms a 3 ME c T60\r\n1 2\r\nms b 0 C7 c T0\r\n\r\nms c 1 c T1\r\nx\r\n\
                        md a C9\r\nmd b\r\nmn\r\n";
        assert_eq!((commands.text.as_str(), commands.replies), (expected, 7));
    }

    #[test]
    fn replies_are_parsed_only_when_complete() {
        let table = [
            ("EN\r\n", Reply::Absent),
            ("NF\r\n", Reply::Absent),
            ("NF c0\r\n", Reply::Absent),
            ("EX c0\r\n", Reply::Changed),
            ("NS\r\n", Reply::Changed),
            ("HD\r\n", Reply::Done(None)),
            ("HD c18446744073709551615\r\n", Reply::Done(Some(u64::MAX))),
            ("MN\r\n", Reply::NoOp),
            ("VA 3 c5\r\n1 2\r\n", Reply::Value(5, "1 2".into())),
            ("VA 0 t60 c5 W\r\n\r\n", Reply::Value(5, String::new())),
            ("VA 2 c5\r\n\r\n\r\n", Reply::Value(5, "\r\n".into())),
            ("SERVER_ERROR out of memory\r\n", Reply::Failed("SERVER_ERROR out of memory".into())),
        ];
        for (text, reply) in table {
            let followed = format!("{text}VA 1");
            assert_eq!(Reply::parse(followed.as_bytes()), Ok(Some((reply, text.len()))), "{text:?}");
            for length in 0..text.len() {
                assert_eq!(Reply::parse(&text.as_bytes()[..length]), Ok(None), "{length} bytes of {text:?}");
            }
        }
    }

    #[test]
    fn malformed_replies_are_refused_before_they_grow_long() {
        let endless = "HD ".repeat(MAX_LINE_LEN);
        let table = [
            "ERROR\r\n",
            "CLIENT_ERROR bad data chunk\r\n",
            "VA\r\n",
            "VA x c5\r\n",
            "VA -1 c5\r\n",
            "VA 1048577 c5\r\n",
            "VA 18446744073709551615 c5\r\n",
            "VA 3\r\nabc\r\n",
            "VA 3 c5\r\nabcd\r\n",
            "HD\n",
            "\r\n",
            "\u{0}\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
            &endless,
        ];
        for text in table {
            let Err(MalformedReply(shown)) = Reply::parse(text.as_bytes()) else {
                panic!("{text:?} was parsed")
            };
            assert!(shown.len() <= 4 * 80, "{shown}");
        }
    }
}
