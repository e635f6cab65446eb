//! The parser of the quota notation, for attributes (at compile time), code and configuration.

use std::str::FromStr;

use super::{ParseQuotaError, Quota, Quotas, Unit, error::ExpectedText};

pub(super) type Result<T> = std::result::Result<T, ParseQuotaError>;

impl FromStr for Quota {
    type Err = ParseQuotaError;

    /// Parses exactly one quota.
    ///
    /// [`Quotas`] describes the notation and parses several.
    fn from_str(text: &str) -> Result<Self> {
        parse_one(text)
    }
}

impl FromStr for Quotas {
    type Err = ParseQuotaError;

    fn from_str(text: &str) -> Result<Self> {
        parse_several(text).map(Self)
    }
}

impl Quotas {
    /// Parses the valid quotas of a text and skips the others. Returns `None` if none is valid.
    ///
    /// Use it for texts that arrive while serving, so that one invalid quota does not lift the others.
    ///
    /// ```
    /// let quotas = limiter_core::Quotas::lenient("1/second; 5 per moon").map(|quotas| quotas.to_string());
    /// assert_eq!(quotas.as_deref(), Some("1 per 1 second"));
    /// ```
    #[must_use]
    pub fn lenient(text: &str) -> Option<Self> {
        if text.len() > Self::MAX_TEXT_LEN {
            return None;
        }
        let parts = text.split([';', ',', '|']);
        let quotas: Vec<Quota> = parts.filter_map(|part| part.parse().ok()).collect();
        (!quotas.is_empty()).then_some(Self(quotas))
    }
}

fn parse_one(text: &str) -> Result<Quota> {
    let mut parser = Parser::new(text)?;
    let quota = parser.quota()?;
    parser.skip_white_space();
    if parser.at_end() { Ok(quota) } else { Err(parser.expected(ExpectedText::End)) }
}

fn parse_several(text: &str) -> Result<Vec<Quota>> {
    let mut parser = Parser::new(text)?;
    let mut quotas = vec![parser.quota()?];
    loop {
        parser.skip_white_space();
        if parser.at_end() {
            return Ok(quotas);
        }
        if !parser.take([';', ',', '|']) {
            return Err(parser.expected(ExpectedText::Delimiter));
        }
        quotas.push(parser.quota()?);
    }
}

pub(super) struct Parser<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self> {
        let parser = Self { text, offset: 0 };
        if text.len() > Quotas::MAX_TEXT_LEN {
            let found = format!("{} bytes", text.len());
            // Not within a character, where the text could not be split.
            let offset = (0..=Quotas::MAX_TEXT_LEN).rfind(|offset| text.is_char_boundary(*offset));
            return Err(ParseQuotaError {
                offset: offset.unwrap_or_default(),
                expected: ExpectedText::ShorterText,
                found,
            });
        }
        Ok(parser)
    }

    /// Parses `[count] [per|/] [n] [calendar] [unit]`, or `[count] concurrent`.
    fn quota(&mut self) -> Result<Quota> {
        self.skip_white_space();
        let amount = self.count()?;
        self.skip_white_space();
        if self.take_concurrent() {
            return Ok(Quota { amount, multiple: 1, unit: Unit::Concurrent });
        }
        self.separator()?;
        let (multiple, unit) = self.window()?;
        Ok(Quota { amount, multiple, unit })
    }

    /// Parses `[n] [unit]`.
    fn window(&mut self) -> Result<(u32, Unit)> {
        self.skip_white_space();
        let multiple_at = self.offset;
        let multiple = self.multiple()?;
        self.skip_white_space();
        let unit = self.unit()?;
        if unit.is_calendar() && multiple != 1 {
            return Err(self.expected_at(multiple_at, ExpectedText::OneCalendarUnit));
        }
        if u64::from(multiple) * unit.seconds() > Quota::MAX_WINDOW_SECONDS {
            return Err(self.expected_at(multiple_at, ExpectedText::ShorterWindow));
        }
        Ok((multiple, unit))
    }

    /// Parses the same, and returns its seconds.
    pub(super) fn duration(&mut self) -> Result<u64> {
        let (multiple, unit) = self.window()?;
        Ok(u64::from(multiple) * unit.seconds())
    }

    /// Parses one of these words.
    pub(super) fn word(&mut self, any_of: &[&str], expected: ExpectedText) -> Result<()> {
        self.skip_white_space();
        let found = self.while_char(|c| c.is_ascii_alphabetic());
        if any_of.iter().any(|word| word.eq_ignore_ascii_case(found)) {
            return Ok(());
        }
        Err(self.expected_at(self.offset - found.len(), expected))
    }

    /// Returns the byte offset of the rest.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn count(&mut self) -> Result<u64> {
        let digits = self.while_char(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.expected(ExpectedText::Count));
        }
        match digits.parse() {
            Ok(amount) if amount <= Quota::MAX_AMOUNT => Ok(amount),
            _ => Err(self.expected_at(self.offset - digits.len(), ExpectedText::SmallerCount)),
        }
    }

    fn separator(&mut self) -> Result<()> {
        if self.take(['/']) {
            return Ok(());
        }
        match self.rest().get(..3) {
            Some(word) if word.eq_ignore_ascii_case("per") => {
                self.offset += 3;
                Ok(())
            }
            _ => Err(self.expected(ExpectedText::Separator)),
        }
    }

    fn take_concurrent(&mut self) -> bool {
        const WORD: &str = "concurrent";
        let rest = self.rest();
        let is_word = rest.get(..WORD.len()).is_some_and(|word| word.eq_ignore_ascii_case(WORD))
            && !rest[WORD.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
        self.offset += if is_word { WORD.len() } else { 0 };
        is_word
    }

    /// Parses the `n` of `per n hours`. Defaults to 1.
    fn multiple(&mut self) -> Result<u32> {
        let digits = self.while_char(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return Ok(1);
        }
        match digits.parse() {
            Ok(0) => Err(self.expected_at(self.offset - digits.len(), ExpectedText::NonZeroMultiple)),
            Ok(multiple) => Ok(multiple),
            Err(_) => Err(self.expected_at(self.offset - digits.len(), ExpectedText::ShorterWindow)),
        }
    }

    fn unit(&mut self) -> Result<Unit> {
        let word = self.while_char(|c| c.is_ascii_alphabetic());
        match word.to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => Ok(Unit::Second),
            "min" | "mins" | "minute" | "minutes" => Ok(Unit::Minute),
            "h" | "hr" | "hrs" | "hour" | "hours" => Ok(Unit::Hour),
            "d" | "day" | "days" => Ok(Unit::Day),
            "w" | "week" | "weeks" => Ok(Unit::Week),
            "month" | "months" => Ok(Unit::Month),
            "year" | "years" => Ok(Unit::Year),
            "calendar" => self.calendar_unit(),
            "m" => Err(self.expected_at(self.offset - 1, ExpectedText::MinuteOrMonth)),
            _ => Err(self.expected_at(self.offset - word.len(), ExpectedText::Unit)),
        }
    }

    fn calendar_unit(&mut self) -> Result<Unit> {
        self.skip_white_space();
        let start = self.offset;
        match self.unit() {
            Ok(Unit::Day) => Ok(Unit::CalendarDay),
            Ok(Unit::Week) => Ok(Unit::CalendarWeek),
            Ok(Unit::Month) => Ok(Unit::CalendarMonth),
            Ok(Unit::Year) => Ok(Unit::CalendarYear),
            _ => Err(self.expected_at(start, ExpectedText::CalendarUnit)),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn skip_white_space(&mut self) {
        self.while_char(char::is_whitespace);
    }

    pub(super) fn take<const N: usize>(&mut self, any_of: [char; N]) -> bool {
        let found = self.rest().starts_with(any_of);
        self.offset += usize::from(found);
        found
    }

    fn while_char(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.offset += len;
        &rest[..len]
    }

    pub(super) fn expected(&self, expected: ExpectedText) -> ParseQuotaError {
        self.expected_at(self.offset, expected)
    }

    pub(super) fn expected_at(&self, offset: usize, expected: ExpectedText) -> ParseQuotaError {
        ParseQuotaError { offset, expected, found: token(&self.text[offset..]) }
    }
}

/// Returns the word or number at the start of `rest`, or else its first character.
fn token(rest: &str) -> String {
    const MAX_CHARS: usize = 32;
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric()).take(MAX_CHARS).collect();
    if word.is_empty() { rest.chars().take(1).collect() } else { word }
}
