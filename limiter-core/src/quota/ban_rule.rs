//! Rules that ban clients.

use std::{fmt, str::FromStr, time::Duration};

use super::{
    ParseQuotaError, Quota, Unit,
    error::ExpectedText,
    parse::{Parser, Result},
};

/// A rule that bans clients which breach a limit again and again.
///
/// The notation is `1 hour after 10 breaches in 5 minutes`, and for bans that grow, `, doubling up to 1 day` after it. Times
/// are in the units of [`Quotas`](super::Quotas), in any case.
///
/// ```
/// use std::time::Duration;
/// use limiter_core::BanRule;
///
/// const RULE: BanRule = BanRule::new(Duration::from_secs(3600), 10, Duration::from_secs(300))
///     .doubling_up_to(Duration::from_secs(86_400));
///
/// assert_eq!("1 hour after 10 breaches in 5 min, doubling up to 24h".parse(), Ok(RULE));
/// assert_eq!(RULE.to_string(), "1 hour after 10 breaches in 5 minutes, doubling up to 1 day");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BanRule {
    seconds: u64,
    breaches: Quota,
    /// The longest ban in seconds. `None` if all bans are equally long.
    longest: Option<u64>,
}

impl BanRule {
    /// The longest duration of a ban in seconds: 50 years of 360 days.
    pub const MAX_SECONDS: u64 = Quota::MAX_WINDOW_SECONDS / 2;

    /// Creates a rule that bans for `duration` after so many breaches within a time. Times are in whole seconds.
    ///
    /// # Panics
    ///
    /// Panics if a number or a time is zero, if the ban is longer than [`MAX_SECONDS`](Self::MAX_SECONDS), or if the other
    /// two are no [`Quota`]. In a `const` this is a compile error.
    #[must_use]
    pub const fn new(duration: Duration, breaches: u64, within: Duration) -> Self {
        let (seconds, within) = (duration.as_secs(), within.as_secs());
        assert!(seconds > 0 && seconds <= Self::MAX_SECONDS, "invalid ban: none, or for more than 50 years");
        assert!(breaches > 0, "invalid ban: after no breach");
        assert!(within <= Quota::MAX_WINDOW_SECONDS, "invalid ban: breaches in more than 100 years");
        #[expect(clippy::cast_possible_truncation, reason = "100 years fit")]
        let breaches = Quota::new(breaches, within as u32, Unit::Second);
        Self { seconds, breaches, longest: None }
    }

    /// Makes each further ban of a client twice as long as the last, up to this duration.
    ///
    /// The earlier bans of a client are forgotten once it was not banned anew for twice this duration.
    ///
    /// # Panics
    ///
    /// Panics if the duration is shorter than the first ban, or longer than [`MAX_SECONDS`](Self::MAX_SECONDS).
    #[must_use]
    pub const fn doubling_up_to(mut self, longest: Duration) -> Self {
        let longest = longest.as_secs();
        assert!(longest >= self.seconds, "invalid ban: the longest is shorter than the first");
        assert!(longest <= Self::MAX_SECONDS, "invalid ban: for more than 50 years");
        self.longest = Some(longest);
        self
    }

    /// Returns the duration of the first ban.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Returns the breaches that lead to a ban, in their window.
    #[must_use]
    pub const fn breaches(self) -> Quota {
        self.breaches
    }

    /// Returns the longest duration of bans that grow.
    #[must_use]
    pub const fn longest(self) -> Option<Duration> {
        match self.longest {
            Some(longest) => Some(Duration::from_secs(longest)),
            None => None,
        }
    }

    /// Returns the duration of a ban after so many earlier ones.
    #[must_use]
    pub fn duration_after(self, earlier: u64) -> Duration {
        let Some(longest) = self.longest else { return self.duration() };
        let factor = u32::try_from(earlier).ok().and_then(|doublings| 1_u64.checked_shl(doublings));
        let seconds = factor.map_or(longest, |factor| self.seconds.saturating_mul(factor));
        Duration::from_secs(seconds.min(longest))
    }
}

impl FromStr for BanRule {
    type Err = ParseQuotaError;

    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser::new(text)?;
        let seconds = parser.ban()?;
        parser.word(&["after"], ExpectedText::After)?;
        parser.skip_white_space();
        let count_at = parser.offset();
        let breaches = parser.count()?;
        if breaches == 0 {
            return Err(parser.expected_at(count_at, ExpectedText::NonZeroCount));
        }
        parser.word(&["breaches", "breach"], ExpectedText::Breaches)?;
        parser.word(&["in"], ExpectedText::In)?;
        let within = parser.duration()?;
        parser.skip_white_space();
        #[expect(clippy::cast_possible_truncation, reason = "100 years fit")]
        let breaches = Quota::new(breaches, within as u32, Unit::Second);
        let mut rule = Self { seconds, breaches, longest: None };
        if parser.take([',']) {
            parser.word(&["doubling"], ExpectedText::Doubling)?;
            parser.word(&["up"], ExpectedText::UpTo)?;
            parser.word(&["to"], ExpectedText::UpTo)?;
            parser.skip_white_space();
            let longest_at = parser.offset();
            let longest = parser.ban()?;
            if longest < seconds {
                return Err(parser.expected_at(longest_at, ExpectedText::LongerBan));
            }
            rule.longest = Some(longest);
            parser.skip_white_space();
        }
        if parser.at_end() { Ok(rule) } else { Err(parser.expected(ExpectedText::EndOfBan)) }
    }
}

impl Parser<'_> {
    /// Parses the duration of a ban, in seconds.
    fn ban(&mut self) -> Result<u64> {
        self.skip_white_space();
        let at = self.offset();
        let seconds = self.duration()?;
        if seconds > BanRule::MAX_SECONDS {
            return Err(self.expected_at(at, ExpectedText::ShorterBan));
        }
        Ok(seconds)
    }
}

impl fmt::Display for BanRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, breaches, longest } = *self;
        let (amount, window) = (breaches.amount(), Span(breaches.window_seconds()));
        let noun = if amount == 1 { "breach" } else { "breaches" };
        write!(f, "{} after {amount} {noun} in {window}", Span(seconds))?;
        longest.map_or(Ok(()), |longest| write!(f, ", doubling up to {}", Span(longest)))
    }
}

/// A time in seconds, shown in the largest unit that has no remainder.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Unit::{Day, Hour, Minute, Month, Second, Week, Year};
        let fits = |unit: &Unit| self.0.is_multiple_of(unit.seconds());
        let unit = [Year, Month, Week, Day, Hour, Minute].into_iter().find(fits).unwrap_or(Second);
        let number = self.0 / unit.seconds();
        write!(f, "{number} {unit}{}", if number == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_parsed_or_rejected_with_their_offset() {
        for (text, expected) in [
            ("1 hour after 10 breaches in 5 minutes", Ok("1 hour after 10 breaches in 5 minutes")),
            ("  90min AFTER 1 Breach in hour ", Ok("90 minutes after 1 breach in 1 hour")),
            (
                "1d after 3 breaches in 1h , doubling up to 4 weeks",
                Ok("1 day after 3 breaches in 1 hour, doubling up to 4 weeks"),
            ),
            ("", Err("expected second, minute, hour, day, week, month or year at byte 0, found the end")),
            ("1 hour", Err("expected `after` at byte 6, found the end")),
            ("0 hours after", Err("expected a window longer than zero at byte 0, found `0`")),
            (
                "1 hour after breaches",
                Err("expected a count such as the 5 in `5 per minute` at byte 13, found `breaches`"),
            ),
            ("1 hour after 0 breaches", Err("expected a count of at least 1 at byte 13, found `0`")),
            ("1 hour after 10 times", Err("expected `breaches` at byte 16, found `times`")),
            ("1 hour after 10 breaches per hour", Err("expected `in` at byte 25, found `per`")),
            ("1 hour after 1 breach in 1 m", Err("expected `min` (minute) or `month` at byte 27, found `m`")),
            (
                "1 hour after 1 breach in 1 h, tripling",
                Err("expected `doubling up to` and a time at byte 30, found `tripling`"),
            ),
            (
                "1 hour after 1 breach in 1 h, doubling",
                Err("expected `up to` and the time of the longest ban at byte 38, found the end"),
            ),
            (
                "1 hour after 1 breach in 1 h, doubling up to 1 min",
                Err("expected a ban that is not shorter than the first at byte 45, found `1`"),
            ),
            (
                "51 years after 1 breach in 1 h",
                Err("expected a ban of at most 50 years at byte 0, found `51`"),
            ),
            (
                "1 h after 1 breach in 1 h; x",
                Err("expected `, doubling up to` or the end at byte 25, found `;`"),
            ),
        ] {
            let parsed = text.parse::<BanRule>();
            let shown = parsed.map(|rule| rule.to_string()).map_err(|error| error.to_string());
            assert_eq!(shown.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn bans_double_up_to_the_longest() {
        let rule: BanRule = "1 min after 1 breach in 1 h, doubling up to 5 min".parse().expect("a rule");
        let minutes =
            [0, 1, 2, 3, 31, 63, 64, u64::MAX].map(|earlier| rule.duration_after(earlier).as_secs());
        assert_eq!(minutes, [60, 120, 240, 300, 300, 300, 300, 300]);
        let constant = BanRule::new(Duration::from_secs(60), 1, Duration::from_secs(1));
        assert_eq!(constant.duration_after(u64::MAX), Duration::from_secs(60));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_parsed(
            seconds in 1..=BanRule::MAX_SECONDS,
            breaches in 1..=Quota::MAX_AMOUNT,
            within in 1..=Quota::MAX_WINDOW_SECONDS,
            more in prop::option::of(0..=BanRule::MAX_SECONDS),
        ) {
            let [ban, within] = [seconds, within].map(Duration::from_secs);
            let mut rule = BanRule::new(ban, breaches, within);
            if let Some(more) = more {
                rule = rule.doubling_up_to(Duration::from_secs(seconds.saturating_add(more).min(BanRule::MAX_SECONDS)));
            }
            prop_assert_eq!(rule.to_string().parse::<BanRule>(), Ok(rule));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            drop(text.parse::<BanRule>());
        }
    }
}
