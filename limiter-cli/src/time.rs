//! Instants as logs write them, and as reports show them.

use chrono::{DateTime, NaiveDate, SecondsFormat};
use limiter_actix::Timestamp;

const NANOS: u64 = 1_000_000_000;

/// Parses `10/Oct/2026:13:55:36 -0700`, and remembers the last text: many lines have the same.
#[derive(Default)]
pub(crate) struct CommonTime {
    text: [u8; 26],
    time: Option<Timestamp>,
}

impl CommonTime {
    pub(crate) fn parse(&mut self, text: &[u8]) -> Option<Timestamp> {
        let text: &[u8; 26] = text.try_into().ok()?;
        if self.text != *text {
            self.time = common(text);
            self.text = *text;
        }
        self.time
    }
}

fn common(text: &[u8; 26]) -> Option<Timestamp> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

    let separators = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if separators.iter().any(|(at, separator)| text[*at] != *separator) {
        return None;
    }
    let month = MONTHS.iter().position(|month| *month == &text[3..6])?;
    let month = u32::try_from(month).ok()? + 1;
    let date = NaiveDate::from_ymd_opt(number(&text[7..11])?.try_into().ok()?, month, number(&text[..2])?)?;
    let time = date.and_hms_opt(number(&text[12..14])?, number(&text[15..17])?, number(&text[18..20])?)?;
    let offset = i64::from(number(&text[22..24])? * 60 + number(&text[24..])?) * 60;
    let seconds = match text[21] {
        b'+' => time.and_utc().timestamp() - offset,
        b'-' => time.and_utc().timestamp() + offset,
        _ => return None,
    };
    from_seconds(u64::try_from(seconds).ok()?)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

/// Parses an instant in any form that is not that of the Common Log Format: RFC 3339, or a number since 1970.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    if let Some(time) = since_1970(text) {
        return Some(time);
    }
    // nginx and others write an offset without a colon, too.
    let time = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%z"))
        .ok()?;
    let nanos = u64::try_from(time.timestamp_nanos_opt()?).ok()?;
    Some(Timestamp::from_nanos(nanos))
}

/// Parses a number of seconds, with or without a fraction. Great numbers are milliseconds, micro- or nanoseconds.
fn since_1970(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number =
        !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let per_second = match whole {
        0..100_000_000_000 => 1,
        100_000_000_000..100_000_000_000_000 => 1_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000_000,
        _ => NANOS,
    };
    let unit = NANOS / per_second;
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let fraction = digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(Timestamp::from_nanos(whole.checked_mul(unit)?.checked_add(fraction / per_second)?))
}

fn from_seconds(seconds: u64) -> Option<Timestamp> {
    seconds.checked_mul(NANOS).map(Timestamp::from_nanos)
}

/// Returns an instant as RFC 3339 in UTC, with as many digits of a second as it has, at most milliseconds.
pub(crate) fn shown(time: Timestamp) -> String {
    let nanos = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    let form = if nanos % 1_000_000_000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
    DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(form, true)
}

/// Returns a number of seconds as the largest unit that fits, such as `5 min`.
pub(crate) fn span(seconds: u64) -> String {
    for (unit, name) in [(86400, "d"), (3600, "h"), (60, "min")] {
        if seconds >= unit {
            let tenths = seconds * 10 / unit;
            let text = match tenths % 10 {
                0 => (tenths / 10).to_string(),
                part => format!("{}.{part}", tenths / 10),
            };
            return format!("{text} {name}");
        }
    }
    format!("{seconds} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: u64 = 1_791_554_136;

    #[test]
    fn the_common_log_format_states_its_offset() {
        let mut times = CommonTime::default();
        for (text, seconds) in [
            ("09/Oct/2026:13:55:36 +0000", TIME),
            ("09/Oct/2026:06:55:36 -0700", TIME),
            ("09/Oct/2026:19:25:36 +0530", TIME),
            ("09/Oct/2026:13:55:37 +0000", TIME + 1),
            ("29/Feb/2024:00:00:00 +0000", 1_709_164_800),
        ] {
            assert_eq!(times.parse(text.as_bytes()), from_seconds(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        let mut times = CommonTime::default();
        for text in [
            "",
            "09/Oct/2026:13:55:36",
            "09/Okt/2026:13:55:36 +0000",
            "30/Feb/2026:13:55:36 +0000",
            "09/Oct/2026:24:55:36 +0000",
            "09/Oct/2026 13:55:36 +0000",
            "09/Oct/2026:13:55:36 *0000",
            "0x/Oct/2026:13:55:36 +0000",
            "01/Jan/1970:00:00:00 +0100",
        ] {
            assert_eq!(times.parse(text.as_bytes()), None, "{text}");
        }
        for text in ["", "-", "yesterday", "1.2.3", "99999999999999999999999", "2026-13-01T00:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn json_has_times_of_many_forms() {
        let millis = Timestamp::from_millis(TIME * 1000 + 250);
        for text in [
            "2026-10-09T13:55:36.250Z",
            "2026-10-09T15:55:36.25+02:00",
            "2026-10-09T15:55:36.25+0200",
            "1791554136.250",
            "1791554136250",
            "1791554136250000",
            "1791554136250000000",
        ] {
            assert_eq!(parse(text), Some(millis), "{text}");
        }
        assert_eq!(shown(millis), "2026-10-09T13:55:36.250Z");
        assert_eq!(parse("1791554136").map(shown).as_deref(), Some("2026-10-09T13:55:36Z"));
    }

    #[test]
    fn spans_have_the_largest_unit() {
        assert_eq!(
            [0, 59, 60, 90, 7200, 129_600].map(span),
            ["0 s", "59 s", "1 min", "1.5 min", "2 h", "1.5 d"]
        );
    }
}
