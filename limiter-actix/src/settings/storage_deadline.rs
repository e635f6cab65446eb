//! The deadline of storages by address, as a text.

use std::{ops::RangeInclusive, time::Duration};

pub(crate) const EXPECTED: &str = "a time from 1 ms to 60 s, such as `250 ms`";

/// The valid deadlines. A request waits as long.
pub(crate) const RANGE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);

/// Reads a whole number of `ms` or `s`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number = number.parse().ok()?;
    let deadline = match unit.trim_start() {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => return None,
    };
    Some(deadline).filter(|deadline| RANGE.contains(deadline))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_deadline() {
        for (text, millis) in [("1ms", 1), ("250 ms", 250), ("2s", 2000), ("60 s", 60_000)] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "250", "0 ms", "61 s", "60001 ms", "1 m", "-1 s", "1.5 s", "s", "99999999999999999999 s"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
