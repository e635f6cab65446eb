//! The few commands of memcached's meta protocol that are needed, and what the server says to them.

use std::fmt::Write;

/// A key of the server: at most 250 bytes without blanks or control characters.
pub(super) const MAX_KEY_LEN: usize = 250;

/// More than any reply that is expected. Values are ours, and shorter.
const MAX_LINE_LEN: usize = 512;
const MAX_VALUE_LEN: usize = 512;

/// Commands that are sent together, and answered in their order.
#[derive(Debug, Default)]
pub(super) struct Commands {
    pub(super) text: String,
    pub(super) replies: usize,
}

/// When a value is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Condition {
    /// If there is none yet.
    IsAbsent,
    /// If it is still the one that was read with this number.
    IsStill(u64),
    /// Whatever there is.
    None,
}

impl Commands {
    /// Asks for a value and the number of this version of it.
    pub(super) fn get(&mut self, key: &str) {
        self.add(format_args!("mg {key} c v\r\n"));
    }

    /// Writes a value that goes after `lifetime`, see there; tells the number
    /// of the new version.
    pub(super) fn set(&mut self, key: &str, value: &str, lifetime: u64, condition: Condition) {
        let length = value.len();
        let condition = match condition {
            Condition::IsAbsent => " ME".to_owned(),
            Condition::IsStill(cas) => format!(" C{cas}"),
            Condition::None => String::new(),
        };
        self.add(format_args!("ms {key} {length}{condition} c T{lifetime}\r\n{value}\r\n"));
    }

    /// Removes a value, only if it is still the one with this number when there is one.
    pub(super) fn delete(&mut self, key: &str, cas: Option<u64>) {
        match cas {
            Some(cas) => self.add(format_args!("md {key} C{cas}\r\n")),
            None => self.add(format_args!("md {key}\r\n")),
        }
    }

    /// Does nothing; tells that the server is there.
    pub(super) fn nothing(&mut self) {
        self.add(format_args!("mn\r\n"));
    }

    fn add(&mut self, command: std::fmt::Arguments<'_>) {
        // Never an error: the text grows.
        let _ = self.text.write_fmt(command);
        self.replies += 1;
    }
}

/// What the server says to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The value, and the number of its version.
    Value(u64, String),
    /// There is no value to read, change or remove.
    Absent,
    /// Done; a written value has this number.
    Done(Option<u64>),
    /// The value is not the one with the number that was named, or there is one.
    Changed,
    /// The server is there.
    Alive,
    /// The server could not do it, in its words.
    Failed(String),
}

/// What cannot be a reply to our commands, as far as it can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

impl Reply {
    /// Reads the reply at the beginning of `bytes`, and how long it is; none when it is not whole yet.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
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
            Some("MN") => Self::Alive,
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
    ) -> Result<Option<(Self, usize)>, Malformed> {
        let wrong = || malformed(line.as_bytes());
        let length: usize = words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?;
        if length > MAX_VALUE_LEN {
            return Err(wrong());
        }
        let cas = number(words).ok_or_else(wrong)?;
        let Some((value, end)) = rest.split_at_checked(length) else { return Ok(None) };
        match end {
            [b'\r', b'\n', ..] => {}
            [] | [b'\r'] => return Ok(None),
            _ => return Err(wrong()),
        }
        // What is no text is not ours; it is read as a value that cannot be read.
        let value = String::from_utf8_lossy(value).into_owned();
        Ok(Some((Self::Value(cas, value), before + length + 2)))
    }
}

/// The number of a version among the flags of a reply.
fn number<'a>(mut flags: impl Iterator<Item = &'a str>) -> Option<u64> {
    flags.find_map(|flag| flag.strip_prefix('c')?.parse().ok())
}

/// Shows the beginning, without what would spoil a log.
fn malformed(bytes: &[u8]) -> Malformed {
    let shown = &bytes[..bytes.len().min(80)];
    Malformed(shown.escape_ascii().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_as_the_server_wants_them() {
        let mut commands = Commands::default();
        commands.get("a");
        commands.set("a", "1 2", 60, Condition::IsAbsent);
        commands.set("b", "", 0, Condition::IsStill(7));
        commands.set("c", "x", 1, Condition::None);
        commands.delete("a", Some(9));
        commands.delete("b", None);
        commands.nothing();
        let expected = "mg a c v\r\nms a 3 ME c T60\r\n1 2\r\nms b 0 C7 c T0\r\n\r\nms c 1 c T1\r\nx\r\n\
                        md a C9\r\nmd b\r\nmn\r\n";
        assert_eq!((commands.text.as_str(), commands.replies), (expected, 7));
    }

    #[test]
    fn replies_are_read_whole() {
        let table = [
            ("EN\r\n", Reply::Absent),
            ("NF\r\n", Reply::Absent),
            ("NF c0\r\n", Reply::Absent),
            ("EX c0\r\n", Reply::Changed),
            ("NS\r\n", Reply::Changed),
            ("HD\r\n", Reply::Done(None)),
            ("HD c18446744073709551615\r\n", Reply::Done(Some(u64::MAX))),
            ("MN\r\n", Reply::Alive),
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
    fn what_is_no_reply_is_refused_before_it_is_long() {
        let endless = "HD ".repeat(MAX_LINE_LEN);
        let table = [
            "ERROR\r\n",
            "CLIENT_ERROR bad data chunk\r\n",
            "VA\r\n",
            "VA x c5\r\n",
            "VA -1 c5\r\n",
            "VA 513 c5\r\n",
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
            let Err(Malformed(said)) = Reply::parse(text.as_bytes()) else { panic!("{text:?} was read") };
            assert!(said.len() <= 4 * 80, "{said}");
        }
    }
}
